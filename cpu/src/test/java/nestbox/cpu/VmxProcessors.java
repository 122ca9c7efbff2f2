package nestbox.cpu;

import nestbox.cpu.core.Cpu;

/// Lets tests of other packages reach inside a processor.
public final class VmxProcessors {
    private VmxProcessors() {}

    @SuppressWarnings("exports") // tests are not a module of their own
    public static Cpu bootstrap(Processors processors) {
        return processors.bootstrap().cpu();
    }
}
