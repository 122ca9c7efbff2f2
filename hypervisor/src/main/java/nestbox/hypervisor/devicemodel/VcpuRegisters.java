package nestbox.hypervisor.devicemodel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// The parameters of [Hypercall#SET_VCPU_REGISTERS]: with which registers a bootstrap processor
/// starts.
///
/// @param vcpu its number
/// @param general RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15
/// @param selectors CS SS DS ES FS GS LDTR TR
public record VcpuRegisters(
        int vcpu,
        List<Long> general,
        Table gdt,
        Table idt,
        long rip,
        long cr0,
        long cr3,
        long cr4,
        long efer,
        long rflags,
        Code code,
        List<Integer> selectors) {
    public static final int SIZE = 292;

    private static final int GENERAL = 8;
    private static final int GDT = GENERAL + 16 * Long.BYTES;
    private static final int IDT = GDT + 16;
    private static final int RIP = IDT + 16;
    private static final int CS_BASE = RIP + 8;
    private static final int CR0 = RIP + 16;
    private static final int CR4 = RIP + 24;
    private static final int CR3 = RIP + 32;
    private static final int EFER = RIP + 40;
    private static final int RFLAGS = RIP + 48;
    private static final int CS_RIGHTS = RFLAGS + 8 + 4 * Long.BYTES;
    private static final int CS_LIMIT = CS_RIGHTS + 4;
    private static final int SELECTORS = CS_LIMIT + 4 + 3 * Integer.BYTES;
    private static final int SEGMENTS = 8;

    /// Where a descriptor table lies.
    public record Table(long base, int limit) {
        private static Table of(ByteBuffer structure, int at) {
            return new Table(structure.getLong(at + 2), structure.getShort(at) & 0xFFFF);
        }
    }

    /// The code segment, but for its selector.
    public record Code(long base, long limit, int rights) {}

    public VcpuRegisters {
        general = List.copyOf(general);
        selectors = List.copyOf(selectors);
    }

    public static VcpuRegisters of(ByteBuffer structure) {
        List<Long> general = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            general.add(structure.getLong(GENERAL + 8 * i));
        }
        List<Integer> selectors = new ArrayList<>();
        for (int i = 0; i < SEGMENTS; i++) {
            selectors.add(structure.getShort(SELECTORS + 2 * i) & 0xFFFF);
        }
        return new VcpuRegisters(
                structure.getShort(0) & 0xFFFF,
                general,
                Table.of(structure, GDT),
                Table.of(structure, IDT),
                structure.getLong(RIP),
                structure.getLong(CR0),
                structure.getLong(CR3),
                structure.getLong(CR4),
                structure.getLong(EFER),
                structure.getLong(RFLAGS),
                new Code(
                        structure.getLong(CS_BASE),
                        structure.getInt(CS_LIMIT) & 0xFFFF_FFFFL,
                        structure.getInt(CS_RIGHTS)),
                selectors);
    }
}
