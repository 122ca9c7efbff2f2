package nestbox.console.command;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.FakeHypervisor;
import nestbox.console.FakeHypervisor.FakeVcpu;
import nestbox.console.FakeHypervisor.FakeVm;
import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.PassThroughEntry.Source;
import nestbox.console.subject.Register;
import nestbox.console.subject.ThreadState;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.VmState;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The layouts of the seventeen commands of ACRN v2.5, to the byte.
class CommandsTest {
    private static final String INVALID = "\r\nError: Invalid parameters.\r\n";

    private final FakeHypervisor hypervisor = FakeHypervisor.tutorial();

    @Test
    void helpListsCommandsInTheKnownOrder() {
        String help = run("help");
        assertThat(help)
                .startsWith(
                        lines(
                                "",
                                "Registered Commands:",
                                "",
                                "  help             - List all commands.",
                                "  version          - Print the versions of the hypervisor and its API."))
                .contains("\r\n  vcpu_dumpreg    <vm id, vcpu id> - ")
                .contains("\r\n<*** Hit any key to continue ***>\r\n  pt               - ")
                .contains("\r\n  rdmsr           [-p<pcpu_id>]\t<msr_index> - ")
                .endsWith(".\r\n\r\n");
        assertThat(Commands.ALL.stream().map(Syntax::name))
                .startsWith(
                        "help",
                        "version",
                        "vm_list",
                        "vcpu_list",
                        "vcpu_dumpreg",
                        "dump_host_mem",
                        "dump_guest_mem",
                        "vm_console",
                        "int",
                        "pt",
                        "vioapic",
                        "dump_ioapic",
                        "loglevel",
                        "cpuid",
                        "reboot",
                        "rdmsr",
                        "wrmsr")
                .doesNotHaveDuplicates();
        assertThat(Commands.ALL).allMatch(syntax -> help.contains(syntax.help()));
    }

    @Test
    void pageOfCommandsIsUpToDate() throws IOException {
        Path page = Path.of("../docs/shell-commands.md");
        if (Boolean.getBoolean("accept")) {
            Files.writeString(page, Commands.markdown());
        }
        assertThat(Files.readString(page)).isEqualTo(Commands.markdown());
    }

    @Test
    void versionNamesBuildAndInterface() {
        assertThat(run("version"))
                .isEqualTo(
                        "HV 2.5-2021-06-30 12:00:00-acrn-2021w26.5-180000p DBG (daily tag: none)"
                                + " nested@nuc7i5dnhe build by someone\nAPI 1.0\r\n");
    }

    @Test
    void vmsWithoutUuidsHaveNoColumnForThem() {
        hypervisor.machines.set(0, new FakeVm(0, "ACRN_Service_VM", Optional.empty()));
        hypervisor.machines.add(new FakeVm(12, "post", Optional.empty()));
        assertThat(run("vm_list"))
                .isEqualTo(
                        lines(
                                "",
                                "VM_ID VM_NAME                          VM_STATE",
                                "===== ================================ ========",
                                "  0   ACRN_Service_VM                  Running ",
                                "  12  post                             Running "));
    }

    @Test
    void poweredOffVmsAreNotListed() {
        FakeVm off = new FakeVm(1, "off", Optional.empty());
        off.state = VmState.POWERED_OFF;
        off.processors.add(new FakeVcpu(0, 0));
        hypervisor.machines.add(off);
        assertThat(run("vm_list")).doesNotContain("off");
        assertThat(run("vcpu_list").lines().filter(line -> line.startsWith("  "))).hasSize(3);
    }

    @Test
    void statesHaveTheirWords() {
        FakeVm service = hypervisor.service();
        service.state = VmState.READY_TO_POWER_OFF;
        assertThat(run("vm_list")).endsWith("ACRN SOS VM                      Unknown \r\n");
        service.state = VmState.CREATED;
        assertThat(run("vm_list")).endsWith("Created \r\n");
        service.state = VmState.PAUSED;
        assertThat(run("vm_list")).endsWith("Paused  \r\n");
        service.processors.get(0).state = VcpuState.ZOMBIE;
        service.processors.get(1).state = VcpuState.INIT;
        service.processors.get(1).thread = ThreadState.BLOCKED;
        service.processors.get(2).state = VcpuState.OFFLINE;
        assertThat(run("vcpu_list"))
                .endsWith(
                        lines(
                                "==========",
                                "  0         1          0       PRIMARY      Zombie           RUNNING         ",
                                "  0         2          1       SECONDARY    Init             BLOCKED         "));
    }

    @Test
    void registersAndStackAreDumped() {
        FakeVcpu vcpu = hypervisor.service().processors.get(1);
        for (Register register : Register.values()) {
            vcpu.registers.put(register, 0x1000L + register.ordinal());
        }
        vcpu.registers.put(Register.RSP, FakeVcpu.MAPPED + 0x100);
        assertThat(run("vcpu_dumpreg 0 1"))
                .startsWith(
                        lines(
                                "=  VM ID 0 ==== CPU ID 1========================",
                                "=  RIP=0x0000000000001000  RSP=0xffff888000000100 RFLAGS=0x0000000000001002",
                                "=  CR0=0x0000000000001003  CR2=0x0000000000001004",
                                "=  CR3=0x0000000000001005  CR4=0x0000000000001006",
                                "=  RAX=0x0000000000001007  RBX=0x0000000000001008 RCX=0x0000000000001009",
                                "=  RDX=0x000000000000100a  RDI=0x000000000000100b RSI=0x000000000000100c",
                                "=  RBP=0x000000000000100d  R8=0x000000000000100e R9=0x000000000000100f",
                                "=  R10=0x0000000000001010  R11=0x0000000000001011 R12=0x0000000000001012",
                                "=  R13=0x0000000000001013  R14=0x0000000000001014  R15=0x0000000000001015",
                                "",
                                "Dump RSP for vm 0, from gva 0xffff888000000100",
                                "=  0x0000000000000020  0x0000000000000021 0x0000000000000022  0x0000000000000023"))
                .endsWith(
                        lines(
                                "=  0x000000000000003c  0x000000000000003d 0x000000000000003e  0x000000000000003f"));
        assertThat(run("vcpu_dumpreg 0 1").lines().filter(line -> line.startsWith("=  0x")))
                .hasSize(8);
    }

    @Test
    void dumpOfRegistersSaysWhatItMisses() {
        assertThat(run("vcpu_dumpreg 0 0"))
                .endsWith("R15=0x0000000000000000\r\nCannot handle user gva yet!\r\n");
        String usage = "Please enter cmd with <vm_id, vcpu_id>\r\n" + INVALID;
        assertThat(run("vcpu_dumpreg")).isEqualTo(usage);
        assertThat(run("vcpu_dumpreg 0")).isEqualTo(usage);
        assertThat(run("vcpu_dumpreg 0 0 0")).isEqualTo(usage);
        assertThat(run("vcpu_dumpreg 0 x")).isEqualTo(INVALID);
        assertThat(run("vcpu_dumpreg 0 3")).isEqualTo("vcpu id is out of range\r\n" + INVALID);
        assertThat(run("vcpu_dumpreg 1 0"))
                .isEqualTo("No vm found in the input <vm_id, vcpu_id>\r\n" + INVALID);
        assertThat(run("vcpu_dumpreg 8 0"))
                .startsWith(
                        "VM ID given exceeds the MAX_VM_NUM(8), using 0 instead\r\n=  VM ID 0 ====");
        hypervisor.service().processors.get(2).state = VcpuState.OFFLINE;
        assertThat(run("vcpu_dumpreg 0 2")).isEqualTo("vcpu is offline\r\n" + INVALID);
    }

    @Test
    void hostMemoryIsDumpedInRows() {
        hypervisor.quadword(0x10_0020, 0x0123_4567_89AB_CDEFL);
        assertThat(run("dump_host_mem 0x100000 33"))
                .isEqualTo(
                        lines(
                                "Dump physical memory addr: 0x0000000000100000, length 33:",
                                "HVA(0x100000): 0x0000000000000000  0x0000000000000000  0x0000000000000000  0x0000000000000000",
                                "HVA(0x100020): 0x0123456789abcdef  0x0000000000000000  0x0000000000000000  0x0000000000000000"));
        assertThat(run("dump_host_mem 100000 1")).contains("HVA(0x100000): ");
        assertThat(run("dump_host_mem 100ff0 32"))
                .isEqualTo("Not all of this is RAM.\r\n" + INVALID);
        assertThat(run("dump_host_mem 0 0")).endsWith(INVALID);
        assertThat(run("dump_host_mem 0 0x20")).isEqualTo(INVALID);
        assertThat(run("dump_host_mem 0 65537"))
                .isEqualTo("The length can be from 1 to 65536.\r\n" + INVALID);
        assertThat(run("dump_host_mem 0 99999999999")).isEqualTo(INVALID);
        assertThat(run("dump_host_mem 12345678901234567 32")).isEqualTo(INVALID);
        assertThat(run("dump_host_mem -1 32")).isEqualTo(INVALID);
    }

    @Test
    void guestMemoryIsDumpedUntilItFaults() {
        assertThat(run("dump_guest_mem 0 ffff888000000fe0 64"))
                .isEqualTo(
                        lines(
                                "GVA(0xffff888000000fe0):  0x00000000000001fc  0x00000000000001fd  0x00000000000001fe  0x00000000000001ff",
                                "copy_from_gva error! err_code=0x0 fault_addr=0xffff888000001000"));
        assertThat(run("dump_guest_mem 0 0 1"))
                .isEqualTo("copy_from_gva error! err_code=0x0 fault_addr=0x0\r\n");
        assertThat(run("dump_guest_mem 1 0 1")).endsWith(INVALID);
    }

    @Test
    void consoleIsEnteredOnlyIfThereIsOne() {
        assertThat(run("vm_console")).isEqualTo("\r\n----- Entering VM 0 Shell -----\r\n");
        assertThat(run("vm_console 5")).isEqualTo("VM is not valid \n" + INVALID);
        hypervisor.service().console = false;
        assertThat(run("vm_console 0")).isEqualTo("vuart console is not active \n");
        hypervisor.service().elsewhere = Optional.of("unix:/tmp/vm0");
        assertThat(run("vm_console 0"))
                .isEqualTo("The console of VM 0 is elsewhere: unix:/tmp/vm0 \n");
    }

    @Test
    void interruptsAreCountedByProcessor() {
        hypervisor.irqs.add(new IrqCount(4, 0xF0, List.of(1L, 0L, 0L, 12L)));
        hypervisor.irqs.add(new IrqCount(208, 0xEF, List.of(0L, 7L, 0L, 0L)));
        assertThat(run("int"))
                .isEqualTo(
                        "\r\nIRQ\tVECTOR\tCPU0\tCPU1\tCPU2\tCPU3"
                                + "\r\n4\t0xF0\t1\t0\t0\t12\r\n208\t0xEF\t0\t7\t0\t0\r\n");
    }

    @Test
    void passedThroughInterruptsAreListed() {
        hypervisor.passThrough.add(
                new PassThroughEntry(0, Source.MSI, 120, 0xA1, 0xF, false, 0, 0, 0xA3, 0x100));
        hypervisor.passThrough.add(
                new PassThroughEntry(0, Source.IOAPIC, 9, 0, 0, true, 9, 9, 0, 0));
        assertThat(run("pt"))
                .isEqualTo(
                        "\r\nVM\tTYPE\tIRQ\tVEC\tDEST\tTM\tGSI\tVGSI\tBDF\tVBDF"
                                + "\r\n0\tMSI\t120\t0xA1\t0xF\tedge\t0\t0\t0:14.3\t1:0.0"
                                + "\r\n0\tIOAPIC\t9\t0x0\t0x0\tlevel\t9\t9\t0:0.0\t0:0.0\r\n");
    }

    @Test
    void redirectionTablesAreDecoded() {
        long entry = 0x0300_0000_0000_0000L | 1 << 16 | 1 << 15 | 1 << 14 | 1 << 11 | 1 << 8 | 0x31;
        hypervisor.service().pins.add(new IoapicPin(0, 2, entry));
        hypervisor.ioapic.add(new IoapicPin(2, 2, entry));
        hypervisor.ioapic.add(new IoapicPin(119, 119, 0x1_0000));
        assertThat(run("vioapic 0"))
                .isEqualTo(
                        "\r\nPIN\tVEC\tDM\tDEST\tTM\tDELM\tIRR\tMASK"
                                + "\r\n2\t0x31\tlogic\t0x3\tlevel\t1\t1\t1\r\n");
        assertThat(run("vioapic 3")).isEqualTo("\r\nvm is not exist for vmid 3\r\n");
        assertThat(run("dump_ioapic"))
                .isEqualTo(
                        "\r\nIRQ\tPIN\tRTE.HI32\tRTE.LO32\tVEC\tDST\tDM\tTM\tDELM\tIRR\tMASK"
                                + "\r\n002\t002\t0x03000000\t0x0001C931\t0x31\t0x03\tlogic\tlevel\t1\t1\t1"
                                + "\r\n119\t119\t0x00000000\t0x00010000\t0x00\t0x00\tphys\tedge\t0\t0\t1\r\n");
    }

    @Test
    void logLevelsAreShownAndSet() {
        assertThat(run("loglevel"))
                .isEqualTo("console_loglevel: 3, mem_loglevel: 5, npk_loglevel: 5\r\n");
        assertThat(run("loglevel 6")).isEmpty();
        assertThat(hypervisor.levels).isEqualTo(new LogLevels(6, 5, 5));
        assertThat(run("loglevel 1 2 3")).isEmpty();
        assertThat(hypervisor.levels).isEqualTo(new LogLevels(1, 2, 3));
        assertThat(run("loglevel 8")).endsWith(INVALID);
        assertThat(run("loglevel 1 2 3 4")).isEqualTo(INVALID);
        assertThat(hypervisor.levels).isEqualTo(new LogLevels(1, 2, 3));
    }

    @Test
    void cpuidAnswersInHexadecimal() {
        assertThat(run("cpuid 80000008 1f"))
                .isEqualTo(
                        "cpuid leaf: 0x80000008, subleaf: 0x1f,"
                                + " 0x80000008:0x756e6547:0x1f:0xffffffff\r\n");
        assertThat(run("cpuid 0x1")).startsWith("cpuid leaf: 0x1, subleaf: 0x0, 0x1:");
        String usage = "Please enter correct cmd with cpuid <leaf> [subleaf]\r\n" + INVALID;
        assertThat(run("cpuid")).isEqualTo(usage);
        assertThat(run("cpuid 1 2 3")).isEqualTo(usage);
        assertThat(run("cpuid 100000000")).isEqualTo(INVALID);
    }

    @Test
    void registersOfProcessorsAreReadAndWritten() {
        hypervisor.msrs.put(0xC000_0080, 0xD00L);
        assertThat(run("rdmsr c0000080")).isEqualTo("rdmsr(0xc0000080):0xd00\n");
        assertThat(run("rdmsr -p3 0xC0000080")).isEqualTo("rdmsr(0xc0000080):0xd03\n");
        assertThat(run("wrmsr c0000080 ffffffffffffffff")).isEmpty();
        assertThat(hypervisor.msrs).containsEntry(0xC000_0080, -1L);
        assertThat(run("wrmsr -p1 c0000080 0")).isEmpty();
        assertThat(run("rdmsr c0000080")).isEqualTo("rdmsr(0xc0000080):0x0\n");
    }

    @Test
    void accessThatWouldFaultIsToldInstead() {
        String failed = "\r\nCommand launch failed.\r\n";
        assertThat(run("rdmsr dead")).isEqualTo("MSR 0xdead of pCPU 0: #GP\n" + failed);
        assertThat(run("wrmsr -p2 dead 1")).isEqualTo("MSR 0xdead of pCPU 2: #GP\n" + failed);
        assertThat(run("rdmsr -p4 10")).isEqualTo("pcpu id is out of range!\n" + INVALID);
        assertThat(run("wrmsr -p4 10 0")).isEqualTo("pcpu id is out of range!\n" + INVALID);
        assertThat(run("rdmsr -p 10")).isEqualTo(INVALID);
        assertThat(run("rdmsr")).isEqualTo(INVALID);
        assertThat(run("wrmsr 10")).isEqualTo(INVALID);
    }

    @Test
    void rebootResetsTheHost() {
        assertThat(run("reboot now")).isEqualTo(INVALID);
        assertThat(hypervisor.reboots).isZero();
        assertThat(run("reboot")).isEmpty();
        assertThat(hypervisor.reboots).isOne();
    }

    private String run(String line) {
        return Commands.run(line, hypervisor).text();
    }

    private static String lines(String... lines) {
        return String.join("\r\n", lines) + "\r\n";
    }
}
