package nestbox.images;

/// Told what a build is doing, one short line per step.
///
/// A first build downloads packages and takes a while, and a silent tool looks like a hung one.
@FunctionalInterface
public interface ProgressListener {
    void step(String what);

    /// For callers who have nobody to tell.
    ProgressListener SILENT = what -> {};
}
