package nestbox.devices.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

class AcpiTablesTest {
    /// Finds tables in an image as an operating system would.
    private record Tables(FirmwareImage image) {
        ByteBuffer bytes() {
            return ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        }

        byte[] at(long address) {
            int at = (int) (address - image.address());
            return Arrays.copyOfRange(image.bytes(), at, at + bytes().getInt(at + 4));
        }

        List<byte[]> roots() {
            byte[] xsdt = at(bytes().getLong(24));
            ByteBuffer entries = ByteBuffer.wrap(xsdt).order(ByteOrder.LITTLE_ENDIAN);
            List<byte[]> found = new ArrayList<>();
            for (int at = 36; at < xsdt.length; at += 8) {
                found.add(at(entries.getLong(at)));
            }
            return found;
        }

        byte[] dsdt() {
            ByteBuffer fadt = ByteBuffer.wrap(roots().getFirst()).order(ByteOrder.LITTLE_ENDIAN);
            assertThat(fadt.getInt(40)).isEqualTo((int) fadt.getLong(140));
            return at(fadt.getLong(140));
        }
    }

    private final FirmwareImage image = AcpiTables.of(AcpiSetup.of(4));
    private final Tables tables = new Tables(image);

    private static int sum(byte[] table, int length) {
        return IntStream.range(0, length).map(i -> table[i]).sum() & 0xFF;
    }

    private static String signature(byte[] table) {
        return new String(table, 0, 4, StandardCharsets.US_ASCII);
    }

    @Test
    void rootPointerLeadsToAllTables() {
        assertThat(image.address()).isEqualTo(BoardMap.ACPI_TABLES);
        assertThat(new String(image.bytes(), 0, 8, StandardCharsets.US_ASCII))
                .isEqualTo("RSD PTR ");
        assertThat(sum(image.bytes(), 20)).isZero();
        assertThat(sum(image.bytes(), 36)).isZero();
        assertThat(tables.roots())
                .extracting(AcpiTablesTest::signature)
                .containsExactly("FACP", "APIC", "HPET", "MCFG");
        assertThat(tables.roots())
                .allSatisfy(table -> assertThat(sum(table, table.length)).isZero());
        assertThat(sum(tables.dsdt(), tables.dsdt().length)).isZero();
        byte[] rsdt = tables.at(tables.bytes().getInt(16));
        assertThat(rsdt.length - 36).isEqualTo(4 * 4);
    }

    @Test
    void fadtIsAsLongAsItsRevisionSays() {
        byte[] fadt = tables.roots().getFirst();
        assertThat(fadt).hasSize(276);
        assertThat(fadt[116 + 4]).isEqualTo((byte) 0xF9);
        assertThat(fadt[128]).isEqualTo((byte) 6);
    }

    @Test
    void processorsBeyondTheNarrowIdsAreX2apic() {
        AcpiSetup setup =
                new AcpiSetup("INTEL", "NUC7i5DN", List.of(0, 254, 255), AcpiPart.BOARD, List.of());
        byte[] madt = new Tables(AcpiTables.of(setup)).roots().get(1);
        assertThat(madt[44]).isZero();
        assertThat(madt[52]).isZero();
        assertThat(madt[52 + 3]).isEqualTo((byte) 254);
        assertThat(madt[60]).isEqualTo((byte) 9);
        assertThat(madt[60 + 4]).isEqualTo((byte) 255);
    }

    @Test
    void additionalTablesAreListed() {
        byte[] extra = new byte[48];
        System.arraycopy("DMAR".getBytes(StandardCharsets.US_ASCII), 0, extra, 0, 4);
        extra[4] = 48;
        AcpiSetup setup = new AcpiSetup("INTEL", "X", List.of(0), AcpiPart.BOARD, List.of(extra));
        String text = new String(AcpiTables.of(setup).bytes(), StandardCharsets.ISO_8859_1);
        assertThat(text).contains("DMAR");
    }

    @Test
    void namesOfAml() {
        assertThat(Aml.path("\\_SB.PCI0")).containsExactly("\\._SB_PCI0".getBytes());
        assertThat(Aml.eisaId("PNP0A08")).containsExactly(0x0C, 0x41, 0xD0, 0x0A, 0x08);
        assertThatThrownBy(() -> Aml.path("TOOLONG")).hasMessageContaining("TOOLONG");
    }

    @Test
    void packageLengthsOfAllSizes() {
        assertThat(Aml.buffer(new byte[10])).startsWith(0x11, 13, 0x0A, 10);
        assertThat(Aml.buffer(new byte[61])).startsWith(0x11, 0x41, 4, 0x0A, 61);
        assertThat(Aml.buffer(new byte[5000])).startsWith(0x11, 0x8E, 0x38, 0x01, 0x0B);
    }

    @Test
    void virtualMachineIsToldOfWhatItHasOnly() {
        AcpiSetup setup =
                AcpiSetup.ofVm(
                        List.of(2, 3),
                        Set.of(
                                AcpiPart.IO_APIC,
                                AcpiPart.COM1,
                                AcpiPart.RTC,
                                AcpiPart.SLEEP_CONTROL,
                                AcpiPart.RESET_CONTROL));
        Tables vm = new Tables(AcpiTables.of(setup));
        assertThat(vm.roots())
                .extracting(AcpiTablesTest::signature)
                .containsExactly("FACP", "APIC");
        assertThat(vm.roots()).allSatisfy(table -> assertThat(sum(table, table.length)).isZero());

        ByteBuffer fadt = ByteBuffer.wrap(vm.roots().getFirst()).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(fadt.capacity()).isEqualTo(276);
        assertThat(fadt.getInt(112) >> 20 & 1).as("HW_REDUCED_ACPI").isEqualTo(1);
        assertThat(fadt.getInt(112) >> 10 & 1).as("RESET_REG_SUP").isEqualTo(1);
        assertThat(fadt.getInt(64)).as("PM1A_CNT_BLK").isZero();
        assertThat(fadt.getInt(76)).as("PM_TMR_BLK").isZero();
        assertThat(fadt.get(108)).as("CENTURY").isEqualTo((byte) 0x32);
        assertThat(fadt.getLong(172 + 4)).as("X_PM1a_CNT_BLK").isZero();
        assertThat(fadt.getLong(244 + 4)).as("SLEEP_CONTROL_REG").isEqualTo(0x400);
        assertThat(fadt.getLong(256 + 4)).as("SLEEP_STATUS_REG").isEqualTo(0x401);

        byte[] madt = vm.roots().get(1);
        assertThat(madt[40]).as("no 8259s").isZero();
        assertThat(madt).hasSize(44 + 2 * 8 + 12 + 6);
        assertThat(madt[44 + 3]).isEqualTo((byte) 2);
        assertThat(madt[52 + 3]).isEqualTo((byte) 3);

        String dsdt = new String(vm.dsdt(), StandardCharsets.ISO_8859_1);
        assertThat(dsdt).contains("C000", "C001", "COM1", "RTC_", "SLPC", "_S5_");
        assertThat(dsdt).doesNotContain("C002", "COM2", "PCI0", "LPCB", "HPET", "TIMR", "IORS");
    }

    @Test
    void bridgeNeedsABus() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> AcpiSetup.ofVm(List.of(0), Set.of(AcpiPart.ISA_BRIDGE)));
    }

    /// The compiler of the ACPI reference implementation, where it is installed, reads the tables
    /// back without complaint.
    @Test
    void referenceCompilerAgrees(@TempDir Path directory) throws Exception {
        Assumptions.assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/iasl")), "acpica-tools not installed");
        compile(directory, tables);
        Set<AcpiPart> some = EnumSet.of(AcpiPart.PCI, AcpiPart.COM2, AcpiPart.SLEEP_CONTROL);
        compile(directory, new Tables(AcpiTables.of(AcpiSetup.ofVm(List.of(1), some))));
        compile(directory, new Tables(AcpiTables.of(AcpiSetup.ofVm(List.of(1), Set.of()))));
    }

    private static void compile(Path directory, Tables tables) throws Exception {
        List<byte[]> all = new ArrayList<>(tables.roots());
        all.add(tables.dsdt());
        for (byte[] table : all) {
            String name = signature(table).toLowerCase();
            Files.write(directory.resolve(name + ".dat"), table);
            assertThat(run(directory, "iasl", "-d", name + ".dat"))
                    .doesNotContainIgnoringCase("error")
                    .doesNotContainIgnoringCase("warning");
        }
        assertThat(run(directory, "iasl", "dsdt.dsl")).contains("0 Errors, 0 Warnings, 0 Remarks");
    }

    private static String run(Path directory, String... command)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(command)
                        .directory(directory.toFile())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes());
        process.waitFor();
        return output;
    }
}
