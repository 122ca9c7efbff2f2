package nestbox.console.command;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.FakeHypervisor;
import nestbox.console.FakeHypervisor.FakeVcpu;
import nestbox.console.subject.ExitCount;
import nestbox.console.subject.NestedState;
import nestbox.console.subject.VmcsDump;
import nestbox.console.subject.VmcsKind;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// The commands that look into VMs that are hypervisors themselves.
class NestedCommandsTest {
    private static final String INVALID = "\r\nError: Invalid parameters.\r\n";

    /// Write-back tables, four levels, root at 0.
    private static final long EPTP = 6 | 3 << 3;

    private final FakeHypervisor hypervisor = FakeHypervisor.tutorial();
    private final FakeVcpu vcpu = hypervisor.service().processors.get(0);

    @Test
    void guestsOfGuestsAreListed() {
        vcpu.nested =
                Optional.of(
                        new NestedState(
                                true,
                                true,
                                OptionalLong.of(0x1_2345_6000L),
                                OptionalLong.of(0x7_001EL),
                                2,
                                1,
                                1234,
                                1200));
        hypervisor.service().processors.get(1).nested =
                Optional.of(
                        new NestedState(
                                false,
                                false,
                                OptionalLong.empty(),
                                OptionalLong.empty(),
                                0,
                                0,
                                0,
                                0));
        assertThat(run("nested_list"))
                .endsWith(
                        """
                        VM ID  VCPU ID  VMX  IN L2  VMCS12              EPTP12              VMCS12S  SHADOW EPTS  L2 ENTRIES    REFLECTED EXITS
                        =====  =======  ===  =====  ==================  ==================  =======  ===========  ============  ===============
                          0      0       on   yes    0x0000000123456000  0x000000000007001e  2        1            1234          1200          \s
                          0      1       off  no     -                   -                   0        0            0             0             \s
                        """
                                .replace("\n", "\r\n"));
    }

    @Test
    void everyFieldOfAVmcsIsShownInItsWidth() {
        vcpu.structures.put(
                VmcsKind.VMCS12,
                new VmcsDump(
                        0x5000,
                        Map.of(
                                VmcsField.GUEST_RIP, 0xFFFF_FFFF_8100_0000L,
                                VmcsField.VIRTUAL_PROCESSOR_IDENTIFIER, -1L,
                                VmcsField.GUEST_CS_ACCESS_RIGHTS, 0xA09BL)));
        assertThat(run("vmcs 0 0 12"))
                .isEqualTo(
                        """

                        VMCS12 of VM 0, vcpu 0, at 0x0000000000005000

                        ENCODING  VALUE               FIELD
                        ========  ==================  =====
                        0x0000    0xffff              VIRTUAL_PROCESSOR_IDENTIFIER
                        0x4816    0x0000a09b          GUEST_CS_ACCESS_RIGHTS
                        0x681e    0xffffffff81000000  GUEST_RIP
                        """
                                .replace("\n", "\r\n"));
        assertThat(run("vmcs 0 0 02")).isEqualTo("vcpu 0 of VM 0 has no VMCS02 now.\r\n");
        assertThat(run("vmcs 0 0 21")).isEqualTo("Choose the VMCS: 01, 12 or 02.\r\n" + INVALID);
        assertThat(run("vmcs 0 0")).isEqualTo(INVALID);
        assertThat(run("vmcs 0 7 01")).isEqualTo("vcpu id is out of range\r\n" + INVALID);
    }

    @Test
    void walkShowsEachLevel() {
        hypervisor.service().eptPointer = OptionalLong.of(EPTP);
        table(0, 0, 0x10_0000 | 7);
        hypervisor.quadword(0x10_0000 + 8, 0 | 7);
        table(0, 2, 0x4000_0000L | 1 << 7 | 6 << 3 | 3);
        assertThat(run("ept 0 0x40412345"))
                .isEqualTo(
                        """

                        EPTP 0x000000000000001e, 4 levels, accessed and dirty flags off

                        LEVEL  ENTRY AT            ENTRY               ALLOWS
                        =====  ==================  ==================  ======
                        PML4E  0x0000000000000000  0x0000000000100007  rwx
                        PDPTE  0x0000000000100008  0x0000000000000007  rwx
                        PDE    0x0000000000000010  0x00000000400000b3  rw-
                        GPA 0x0000000040412345 is HPA 0x0000000040012345: 2 MB page, WB
                        """
                                .replace("\n", "\r\n"));
    }

    @Test
    void walkSaysWhereItEnds() {
        hypervisor.service().eptPointer = OptionalLong.of(EPTP);
        assertThat(run("ept 0 0")).endsWith("is not mapped: the PML4E is not present\r\n");
        table(0, 0, 0x10_0000 | 2);
        assertThat(run("ept 0 0")).endsWith("misconfigured: writable, but not readable\r\n");
        table(0, 0, 0x10_0000 | 1 << 7 | 7);
        assertThat(run("ept 0 0")).endsWith("misconfigured: reserved bits are set\r\n");
        table(0, 0, 0x5000 | 7);
        assertThat(run("ept 0 0")).endsWith("the PDPTE at 0x5000 is not in RAM\r\n");
        table(0, 0, 0x10_0000 | 7);
        hypervisor.quadword(0x10_0000, 0x1000 | 1 << 7 | 6 << 3 | 7);
        assertThat(run("ept 0 0")).endsWith("misconfigured: its page is not aligned\r\n");
        hypervisor.quadword(0x10_0000, 1 << 7 | 7 << 3 | 7);
        assertThat(run("ept 0 0")).endsWith("misconfigured: reserved memory type\r\n");
        hypervisor.quadword(0x10_0000, 1 << 7 | 7);
        assertThat(run("ept 0 3fffffff")).endsWith("is HPA 0x000000003fffffff: 1 GB page, UC\r\n");
        assertThat(run("ept 0 1000000000000")).contains("too large for 4 levels");
        hypervisor.service().eptPointer = OptionalLong.of(6);
        assertThat(run("ept 0 0")).contains("the EPT pointer asks for 1 levels");
        hypervisor.service().eptPointer = OptionalLong.empty();
        assertThat(run("ept 0 0")).isEqualTo("There are no tables for it now.\r\n");
        assertThat(run("ept 1 0")).endsWith(INVALID);
    }

    @Test
    void addressOfL2TakesTheTablesOfItsVcpu() {
        assertThat(run("ept 0 0 0")).isEqualTo("There are no tables for it now.\r\n");
        vcpu.structures.put(
                VmcsKind.VMCS02, new VmcsDump(0, Map.of(VmcsField.EPT_POINTER, 0x10_0000 | EPTP)));
        assertThat(run("ept 0 0 0")).contains("EPTP 0x000000000010001e", "0x0000000000100000");
    }

    @Test
    void exitsAreCountedOverAllVcpus() {
        vcpu.exits.add(new ExitCount(ExitReason.CPUID, 10, 2, 3));
        hypervisor.service().processors.get(1).exits.add(new ExitCount(ExitReason.CPUID, 1, 0, 4));
        vcpu.exits.add(new ExitCount(ExitReason.EXTERNAL_INTERRUPT, 5, 0, 0));
        assertThat(run("exits"))
                .isEqualTo(
                        """

                        VM ID  EXIT REASON                                    FROM L1       FROM L2       REFLECTED
                        =====  =============================================  ============  ============  ============
                          0    External interrupt                             5             0             0          \s
                          0    CPUID                                          11            2             7          \s
                        """
                                .replace("\n", "\r\n"));
        assertThat(run("exits 0")).isEqualTo(run("exits"));
        assertThat(run("exits 1")).endsWith(INVALID);
    }

    private void table(long table, int index, long entry) {
        hypervisor.quadword(table + 8L * index, entry);
    }

    private String run(String line) {
        return Commands.run(line, hypervisor).text();
    }
}
