package nestbox.app.board;

import nestbox.cpu.model.Cache;
import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.CpuidLeaves;
import nestbox.cpu.model.CpuidState;
import nestbox.cpu.model.Topology;
import nestbox.devices.acpi.AcpiSetup;
import nestbox.devices.acpi.AcpiTables;
import nestbox.devices.bios.BiosArea;
import nestbox.devices.smbios.BoardIdentity;
import nestbox.devices.smbios.ProcessorIdentity;
import nestbox.devices.smbios.SmbiosTables;
import nestbox.platform.GuestMemory;

import java.util.List;

/// Puts what firmware leaves into memory: a BIOS's data, ACPI and SMBIOS tables. The firmware
/// segment stays writable, since the FACS in it holds a lock that the guest takes.
final class FirmwareTables {
    private FirmwareTables() {}

    static void write(GuestMemory memory, BoardConfiguration configuration) {
        BiosArea.install(memory);
        AcpiTables.of(AcpiSetup.of(configuration.processors())).install(memory);
        SmbiosTables.of(
                        BoardIdentity.NUC7I5DNHE,
                        identity(configuration.model(), configuration.processors()),
                        memory.size())
                .install(memory);
    }

    private static ProcessorIdentity identity(CpuModel model, int processors) {
        CpuidLeaves leaves = new CpuidLeaves(model, Topology.ofCores(processors), 0);
        int features = leaves.read(1, 0, new AfterReset())[3];
        List<ProcessorIdentity.Cache> caches =
                model.caches().stream().map(cache -> cache(cache, processors)).toList();
        return new ProcessorIdentity(
                model.identity().brand(),
                model.identity().signature(),
                features,
                processors,
                processors,
                model.clocks().baseMegahertz(),
                caches);
    }

    private static ProcessorIdentity.Cache cache(Cache cache, int processors) {
        ProcessorIdentity.Kind kind =
                switch (cache.kind()) {
                    case DATA -> ProcessorIdentity.Kind.DATA;
                    case INSTRUCTION -> ProcessorIdentity.Kind.INSTRUCTION;
                    case UNIFIED, NONE -> ProcessorIdentity.Kind.UNIFIED;
                };
        int count = cache.sharing() == Cache.Sharing.PACKAGE ? 1 : processors;
        return new ProcessorIdentity.Cache(
                cache.level(), kind, cache.bytes() / 1024 * count, cache.ways());
    }

    /// The registers that CPUID depends on, as they are when firmware looks.
    private record AfterReset() implements CpuidState {
        @Override
        public long cr4() {
            return 0;
        }

        @Override
        public long xcr0() {
            return 1;
        }

        @Override
        public long xss() {
            return 0;
        }

        @Override
        public long miscEnable() {
            return 0;
        }

        @Override
        public boolean apicEnabled() {
            return true;
        }

        @Override
        public boolean in64BitMode() {
            return false;
        }
    }
}
