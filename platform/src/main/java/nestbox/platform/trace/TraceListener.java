package nestbox.platform.trace;

/// Is told what happens on a board, on the thread that it happens on.
///
/// Nobody asks whether somebody listens: those who have nothing to tell to have something else in
/// place of what calls this.
@FunctionalInterface
public interface TraceListener {
    void happened(TraceEvent event);
}
