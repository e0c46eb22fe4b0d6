"""Kinds of pictures that teach a model what nobody wants: named sets of tags, left out by choice.

One table for all boards; a tag that a board does not have harms nothing. Tags are written as boards write them, with
underscores and in lower case; `*` stands for anything.
"""

SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "comic": (
        "comics and pages of panels",
        ("comic", "*koma", "*_comic", "multiple_4koma", "left-to-right_manga", "right-to-left_comic", "manga_page"),
    ),
    "monochrome": (
        "without colour",
        (
            "monochrome",
            "greyscale",
            "grayscale",
            "sepia",
            "black_and_white",
            "lineart",
            "line_art",
            "spot_color",
            "partially_colored",
        ),
    ),
    "text": (
        "writing in the picture",
        (
            "text",
            "*_text",
            "text_focus",
            "speech_bubble",
            "thought_bubble",
            "dialogue",
            "dialogue_box",
            "wall_of_text",
            "subtitled",
            "cover_page",
            "page_number",
        ),
    ),
    "multiple-views": (
        "one person drawn several times",
        (
            "multiple_views",
            "turnaround",
            "reference_sheet",
            "character_sheet",
            "model_sheet",
            "expression_chart",
            "expressions",
            "reference_inset",
            "collage",
            "split_screen",
            "column_lineup",
            "variations",
            "before_and_after",
            "multiple_images",
        ),
    ),
    "sketch": (
        "unfinished",
        ("sketch", "rough_sketch", "unfinished", "work_in_progress", "wip", "flat_sketch", "traditional_sketch"),
    ),
    "3d": (
        "rendered, not drawn",
        ("3d", "3d_(artwork)", "3d_artwork", "3d_model", "mikumikudance_(medium)", "source_filmmaker*"),
    ),
    "photo": ("photographs", ("photo_(medium)", "photo", "photography", "cosplay_photo", "real_life")),
    "generated": (
        "made by a model",
        ("ai-generated", "ai-assisted", "ai_generated", "ai_assisted", "ai_art", "machine_learning_generated"),
    ),
    "marks": ("watermarks and addresses", ("watermark", "*_watermark", "web_address", "sample_watermark", "url")),
    "damaged": (
        "poor copies",
        ("lowres", "jpeg_artifacts", "upscaled", "scan_artifacts", "compression_artifacts", "third-party_edit"),
    ),
    "crowd": (
        "more than one person",
        ("multiple_girls", "multiple_boys", "2girls", "2boys", "3girls", "3boys", "crowd", "group", "duo", "trio"),
    ),
}
"""Set → (what it leaves out, its tags)."""
