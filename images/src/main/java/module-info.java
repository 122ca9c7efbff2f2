/// Guest images made from distribution packages.
module nestbox.images {
    // exports nestbox.images;
}
