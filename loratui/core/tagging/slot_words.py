"""The words by which a tag says what it describes: a tag that ends in one of them fills the slot. See `slots`."""

# How the hair is worn.
HAIR_STYLE = """
    afro, ahoge, antenna hair, bangs, bob cut, bowl cut, braid, braided hair, braids, buzz cut, chonmage,
    cornrows, crew cut, crystal hair, curly hair, dreadlocks, drill hair, drills, feather hair, fiery hair,
    flame hair, flipped hair, forelocks, hair antennae, hair bun, hair buns, hair ears, hair horns, hair
    intakes, hair over shoulder, hair tails, hair wings, hime cut, messy hair, mohawk, mullet, multi-tied hair,
    odango, parted hair, pigtails, pixie cut, pompadour, ponytail, ponytails, quad tails, quiff, ringlets,
    sidecut, sidelocks, single sidelock, slicked-back hair, spiked hair, spiky hair, straight hair, tentacle
    hair, tied hair, topknot, tri tails, twintails, undercut, wavy hair, widow's peak, wolf cut
"""

# Parts of animals and other beings.
ANIMAL = """
    antennae, antlers, claws, ear, ears, fins, gills, halo, hooves, horn, horns, paws, tail, tails, talons,
    tentacles, wing, wings
"""

# Marks and forms of the face.
FACE = """
    animal nose, bags under eyes, beard, bindi, black sclera, blue sclera, buck teeth, cheek marks,
    colored sclera, cross-shaped pupils, diamond-shaped pupils, dimples, eyelashes, facial hair, facial mark,
    facial scar, facial tattoo, fang, fangs, flower-shaped pupils, forehead mark, forked eyebrows, freckles, gap
    teeth, goatee, heart-shaped pupils, hikimayu, horizontal pupils, jitome, long nose, mole, mole above mouth,
    mole under eye, mole under mouth, moles, mustache, pointy nose, red sclera, ringed eyes, sanpaku,
    scales, scar across eye, scar on cheek, scar on face, scar on forehead, scar on mouth, scar on nose, sharp
    teeth, short eyebrows, sideburns, slit pupils, star-shaped pupils, stubble, symbol-shaped pupils, tareme,
    thick eyebrows, thick lips, third eye, tsurime, whisker markings, whiskers, yellow sclera
"""

# Marks and forms of the body.
BODY = """
    amputee, arm hair, body hair, chest hair, colored nails, extra arms, extra eyes, fur, joints, leg hair, long
    fingernails, markings, mechanical arm, mechanical arms, mechanical hands, mechanical legs, missing limb,
    navel hair, prosthesis, prosthetic arm, prosthetic leg, scar, scars, sharp fingernails, tattoo, tattoos
"""

# On the head.
HEADWEAR = """
    bandana, beanie, beret, bonnet, cap, crown, diadem, earmuffs, earphones, fedora, hachimaki, hat, hats,
    headdress, headgear, headphones, headscarf, headset, headwear,
    helmet, hijab, hood, hood up, kabuto (helmet), mask, mask on head, mortarboard, sombrero, tate eboshi,
    tiara, tricorne, turban, veil, wreath
"""

# On the eyes.
EYEWEAR = """
    bandage over one eye, blindfold, eyepatch, eyewear, eyewear on head, eyewear on headwear, glasses, goggles,
    goggles around neck, goggles on head, goggles on headwear, monocle, pince-nez, spectacles, sunglasses, visor
"""

# Small things worn.
ORNAMENTS = """
    anklet, armband, armbands, armlet, badge, bangle, bangles, beads, bell, bow, bows, bracelet, bracelets,
    brooch, choker, circlet, dog tags, ear covers, ear cuff, ear ornament, ear stud, ear tag, earring, earrings,
    facial jewel, forehead jewel, hair bobbles, hair flower, hair flowers, hair ornament, hair ornaments, hair
    tie, hair tubes, hairband, hairclip, hairclips, hairpin, hairpins, headband, headpiece, horn ornament,
    jewellery, jewelry, kanzashi, locket, necklace, pendant, piercing, piercings, pocket watch, ribbon, ribbons,
    scrunchie, tail ornament, tail ring, tassel, tassels, thigh strap, wedding ring, wrist cuffs, wristband,
    wristbands, wristwatch
"""

# Clothes and their parts.
CLOTHING = """
    aiguillette, animal print, apron, argyle, arm guards, arm warmers, armor, ascot, attire, bandages, bare
    shoulders, belt, belts, bikini, blazer, bloomers, blouse, bodysuit, boots, bowtie, boxers, bra, breastplate,
    briefs, buruma, buttons, camisole, cape, capelet, cardigan, cassock, chainmail, cheongsam, cloak, clothes,
    clothes print, clothing, coat, collar, corset, costume, cravat, crop top, cuffs, cutout, dress, elbow pads,
    enmaided, epaulettes, faulds, flip-flops, footwear, frills, fundoshi, gakuran, garter straps, gauntlets,
    geta, gloves, gown, greaves, habit, hakama, halterneck, hanbok, hanfu, haori, harness, heels, hood down,
    hoodie, jabot, jacket, jeans, jumper, jumpsuit, kerchief, kimono, knee pads, kneehighs, kneepads, labcoat,
    lapels, leg warmers, leggings, legwear, leotard, lingerie, loafers, loincloth, maid, mary janes, miniskirt,
    mittens, muffler, neckerchief, necktie, negligee, nightgown, obi, obijime, off shoulder, outfit,
    over-kneehighs, overalls, overcoat, pajamas, panties, pants, pantyhose, parka, pauldrons, pelvic curtain,
    plaid, plugsuit, pocket, pockets, poncho, pullover, pumps, raincoat, rash guard, robe, robes, romper,
    sandals, sarashi, sari, sarong, sash, scarf, serafuku, shawl, shirt, shoes, shorts, side slit, single
    thighhigh, skirt, skirt set, sleeveless, sleeves, slippers, sneakers, socks, spacesuit, stockings, stole,
    suit, sundress, surcoat, suspenders, sweater, sweatshirt, swim trunks, swimsuit, t-shirt, tabard, tabi, tank
    top, thighhighs, tie, tights, toga, tracksuit, trim, trousers, tube top, tunic, turtleneck, tuxedo,
    undershirt, underwear, uniform, uwabaki, vambraces, vest, waistcoat, wetsuit, yukata, zipper, zouri
"""
