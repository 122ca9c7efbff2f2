package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.vmx.IoIntercepts;
import nestbox.x86.Operand;

/// IN, OUT, INS and OUTS, with the permission check by IOPL and the bitmap in the TSS. SDM Vol. 1,
/// "I/O Protection".
final class PortAccess {
    private PortAccess() {}

    static void in(Cpu cpu, Insn insn) {
        int port = port(cpu, insn.row.operands().get(1), insn);
        int width = Math.min(insn.width, 4);
        check(cpu, insn, port, width);
        long value = cpu.bus.ports().read(port, width) & 0xFFFF_FFFFL;
        cpu.set(Cpu.RAX, width, value);
        cpu.debug.onPort(port, width);
    }

    static void out(Cpu cpu, Insn insn) {
        int port = port(cpu, insn.row.operands().get(0), insn);
        int width = Math.min(insn.sourceWidth, 4);
        check(cpu, insn, port, width);
        cpu.bus.ports().write(port, width, (int) cpu.get(Cpu.RAX, width));
        cpu.debug.onPort(port, width);
    }

    private static int port(Cpu cpu, Operand operand, Insn insn) {
        return operand == Operand.Ib ? (int) insn.immediate & 0xFF : cpu.get16(Cpu.RDX);
    }

    static long ins(Cpu cpu, Insn insn, long most) {
        int port = cpu.get16(Cpu.RDX);
        int width = insn.width;
        check(cpu, insn, port, width);
        long to = Strings.destination(cpu, insn, width, true);
        // A port read can't be taken back, so the store must not fault after it.
        cpu.checkWritable(Insn.ES, to, width);
        long value = cpu.bus.ports().read(port, width) & 0xFFFF_FFFFL;
        cpu.write(Insn.ES, to, width, value);
        Strings.advance(cpu, insn, Cpu.RDI, width);
        cpu.debug.onPort(port, width);
        return 1;
    }

    static long outs(Cpu cpu, Insn insn, long most) {
        int port = cpu.get16(Cpu.RDX);
        int width = insn.sourceWidth;
        check(cpu, insn, port, width);
        long value = cpu.read(insn.segment, Strings.source(cpu, insn, width), width);
        cpu.bus.ports().write(port, width, (int) value);
        Strings.advance(cpu, insn, Cpu.RSI, width);
        cpu.debug.onPort(port, width);
        return 1;
    }

    private static void check(Cpu cpu, Insn insn, int port, int width) {
        checkPermission(cpu, port, width);
        if (cpu.vmx.isNonRoot()) {
            IoIntercepts.check(cpu, insn, port, width);
        }
    }

    private static void checkPermission(Cpu cpu, int port, int width) {
        if (!cpu.isProtected() || !cpu.isVirtual8086() && cpu.cpl <= cpu.iopl()) {
            return;
        }
        boolean hasMap = cpu.tr.isUsable() && (cpu.tr.rights & 8) != 0 && cpu.tr.limit >= 0x67;
        if (!hasMap) {
            throw cpu.generalProtection();
        }
        long map = cpu.mmu.readSystem(cpu.tr.base + 0x66, 2);
        long at = map + port / 8;
        // Two bytes are always read, so one byte past the map must be inside the limit.
        if (at + 1 > cpu.tr.limit) {
            throw cpu.generalProtection();
        }
        long bits = cpu.mmu.readSystem(cpu.tr.base + at, 2);
        if ((bits >>> (port & 7) & (1 << width) - 1) != 0) {
            throw cpu.generalProtection();
        }
    }
}
