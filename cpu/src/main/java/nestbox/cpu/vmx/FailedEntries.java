package nestbox.cpu.vmx;

import nestbox.cpu.entry.Explanation;

import java.util.Optional;

/// What a processor remembers of VM entries that failed, for the user.
public final class FailedEntries {
    private long count;
    private long nanos;
    private Optional<FailedEntry> notable = Optional.empty();
    private Optional<Explanation> standing = Optional.empty();

    /// A VM entry begins.
    void attempt() {
        standing = Optional.empty();
    }

    /// It has failed.
    void add(FailedEntry failure, long now) {
        count++;
        standing = failure.why();
        // A VMRESUME after a VMLAUNCH that failed says nothing about why that did.
        if (failure.why().isPresent() || notable.isEmpty()) {
            nanos = now;
            notable = Optional.of(failure);
        }
    }

    public long count() {
        return count;
    }

    /// What happened to the last one that failed for a reason that isn't obvious, or to the first
    /// of all, if none did.
    public Optional<String> notable() {
        return notable.map(FailedEntry::toString);
    }

    /// When that was.
    public long nanos() {
        return nanos;
    }

    /// Why the last VM entry of all failed, if it did.
    public Optional<Explanation> standing() {
        return standing;
    }
}
