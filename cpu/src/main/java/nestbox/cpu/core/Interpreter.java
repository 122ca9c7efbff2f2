package nestbox.cpu.core;

import nestbox.cpu.decode.Decoder;
import nestbox.cpu.paging.TlbContext;
import nestbox.cpu.vmx.Vmx;
import nestbox.platform.GuestMemory;
import nestbox.platform.NativeSpace;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.Interruptibility;

import java.util.ArrayList;
import java.util.List;

/// The step loop: finds or decodes the block at RIP, runs it, delivers what interrupts it.
final class Interpreter {
    private static final int MAX_BLOCK = 64;
    private static final int PAGE = (int) GuestMemory.PAGE_SIZE;

    private final Cpu cpu;
    private final BlockCache code;
    private final Decoder decoder = new Decoder();

    /// Where the bytes of an instruction that crosses a page are put together.
    private final long straddle;

    private final List<Insn> decoded = new ArrayList<>();

    /// Linear address of the block that ran last.
    private long previousLinear;

    Interpreter(Cpu cpu) {
        this.cpu = cpu;
        code = cpu.bus.code();
        straddle = cpu.base + Cpu.SIZE;
    }

    void run() {
        Block block = null;
        while (true) {
            if (cpu.get64(Cpu.EXECUTED) >= cpu.get64(Cpu.STOP_AT)) {
                if (!beforeBlock()) {
                    return;
                }
                block = null;
            }
            block = next(block);
            if (block != null) {
                execute(block);
            }
        }
    }

    // Running blocks

    /// The block at RIP; null when its fetch raised a fault, which has been delivered.
    private Block next(Block previous) {
        long linear = cpu.rip() + cpu.get64(Cpu.SEGMENT_BASES + 8 * Insn.CS);
        if (previous != null && previous.linkable) {
            long delta = linear - previousLinear;
            Block link = previous.link0;
            if (link == null || previous.delta0 != delta || !link.valid) {
                link = previous.link1;
                if (link == null || previous.delta1 != delta || !link.valid) {
                    link = null;
                }
            }
            if (link != null) {
                previousLinear = linear;
                return link;
            }
            Block found = lookUp(linear);
            boolean sameMode = found != null && found.mode == previous.mode;
            if (sameMode && (linear ^ previousLinear) >>> 12 == 0 && found.start >= 0) {
                previous.link(found, delta);
            }
            previousLinear = linear;
            return found;
        }
        previousLinear = linear;
        return lookUp(linear);
    }

    private Block lookUp(long linear) {
        TlbContext context = cpu.mmu.context();
        Block block = context.block(linear);
        if (block != null && block.valid && block.mode == cpu.mode) {
            if ((block.mode & Modes.FLAT_CODE) != 0 || fits(block)) {
                return block;
            }
        }
        return findOrDecode(linear);
    }

    /// Whether all of a block lies below the limit of CS.
    private boolean fits(Block block) {
        return (cpu.rip() & 0xFFFF_FFFFL) + block.length - 1 <= cpu.segments[Insn.CS].limit;
    }

    private void execute(Block block) {
        Insn[] insns = block.insns;
        int i = 0;
        try {
            do {
                Insn insn = insns[i];
                insn.handler.execute(cpu, insn);
            } while (++i < insns.length);
            cpu.set64(Cpu.EXECUTED, cpu.get64(Cpu.EXECUTED) + block.count);
            if (!block.transfers) {
                advance(block.length);
            }
        } catch (GuestFault fault) {
            cpu.set64(Cpu.EXECUTED, cpu.get64(Cpu.EXECUTED) + insns[i].index);
            advance(insns[i].offset);
            interrupted(fault, insns[i].length());
        }
    }

    private void advance(int bytes) {
        long rip = cpu.rip() + bytes;
        cpu.rip(cpu.isLongMode64() ? rip : rip & 0xFFFF_FFFFL);
    }

    /// @param length of the instruction; 0 if its fetch was interrupted
    private void interrupted(GuestFault fault, int length) {
        // A block that gave up ends the chain of links, and events are looked at.
        cpu.attention();
        if (fault.vector() != Restart.VECTOR) {
            cpu.debug.endStep();
            if (fault.vector() == Vmx.TRANSITION) {
                // Takes time, like a delivery: entries that fail at once must not hold it up.
                cpu.spend(1);
                cpu.vmx.transition(length);
            } else {
                cpu.delivery.exception(fault.vector(), fault.errorCode());
            }
        }
    }

    // Events between blocks

    /// Delivers what is pending.
    ///
    /// @return false when this run is over
    private boolean beforeBlock() {
        while (true) {
            cpu.clearAttention();
            if (cpu.vmx.isInHost() && !cpu.vmx.runHost()) {
                return false;
            }
            if (cpu.activity != Activity.ACTIVE && !cpu.delivery.wakes()) {
                return false;
            }
            if (cpu.isSliceOver()) {
                return false;
            }
            boolean single =
                    (cpu.mode & Modes.SINGLE) != 0
                            || cpu.blockedBySti
                            || cpu.blockedByMovSs
                            || cpu.nextRunsAlone;
            if (single) {
                oneInstruction();
                continue;
            }
            if (!cpu.delivery.deliverPending()) {
                return true;
            }
        }
    }

    /// Runs one instruction under the rules for single step, breakpoints and held-back events.
    private void oneInstruction() {
        boolean held = cpu.blockedByMovSs || cpu.blockedBySti && cpu.debug.pending() == 0;
        if (held ? cpu.delivery.deliverUnblockable() : cpu.delivery.deliverPending()) {
            return;
        }
        long linear = cpu.rip() + cpu.get64(Cpu.SEGMENT_BASES + 8 * Insn.CS);
        boolean resume = (cpu.get64(Cpu.FLAGS_REST) & RFlags.RF) != 0;
        long matches = resume || cpu.blockedByMovSs ? 0 : cpu.debug.codeMatches(linear);
        if (matches != 0) {
            cpu.debug.report(matches);
            cpu.delivery.breakpoint();
            return;
        }
        boolean guest = cpu.vmx.isNonRoot();
        cpu.nextRunsAlone = false;
        cpu.runsAlone = true;
        cpu.heldBack =
                (cpu.blockedBySti ? Interruptibility.STI : 0)
                        | (cpu.blockedByMovSs ? Interruptibility.MOV_SS : 0);
        cpu.debug.beginStep((cpu.get64(Cpu.FLAGS_REST) & RFlags.TF) != 0);
        cpu.blockedBySti = false;
        cpu.blockedByMovSs = false;
        cpu.betweenIterations = false;
        int before = cpu.mode;
        cpu.mode |= Modes.SINGLE;
        Block block = findOrDecode(linear);
        if (cpu.mode == (before | Modes.SINGLE)) {
            cpu.mode = before;
        }
        if (block != null) {
            cpu.set64(Cpu.FLAGS_REST, cpu.get64(Cpu.FLAGS_REST) & ~RFlags.RF);
            long executed = cpu.executed();
            execute(block);
            if (cpu.executed() != executed || cpu.betweenIterations) {
                cpu.debug.completeStep();
            }
            if (cpu.betweenIterations) {
                // Instruction breakpoints are for the first iteration.
                cpu.set64(Cpu.FLAGS_REST, cpu.get64(Cpu.FLAGS_REST) | RFlags.RF);
            }
        }
        cpu.heldBack = 0;
        cpu.runsAlone = false;
        if (guest) {
            cpu.vmx.events.delivered();
        }
        cpu.attention();
    }

    // Decoding

    private Block findOrDecode(long linear) {
        try {
            checkFetch();
            long page = cpu.mmu.fetchPage(linear);
            int start = (int) linear & PAGE - 1;
            if (page < 0) {
                return decodeStraddling(linear);
            }
            Block block = code.find(page, start, cpu.mode);
            if (block == null) {
                code.trim();
                block = decode(page, start);
                if (block == null) {
                    return decodeStraddling(linear);
                }
                code.add(page, block);
            }
            if ((cpu.mode & Modes.FLAT_CODE) == 0 && !fits(block)) {
                return decodeStraddling(linear);
            }
            if ((cpu.mode & Modes.SINGLE) == 0) {
                cpu.mmu.context().block(linear, block);
            }
            return block;
        } catch (GuestFault fault) {
            interrupted(fault, 0);
            return null;
        }
    }

    private void checkFetch() {
        long rip = cpu.rip();
        if (cpu.isLongMode64()) {
            if (rip << 16 >> 16 != rip) {
                throw cpu.generalProtection();
            }
        } else if (rip > cpu.segments[Insn.CS].limit) {
            throw cpu.generalProtection();
        }
    }

    /// Decodes from a place in a page of RAM.
    ///
    /// @return null when not even the first instruction ends in the page
    private Block decode(long page, int start) {
        decoded.clear();
        int limit = (cpu.mode & Modes.SINGLE) != 0 ? 1 : MAX_BLOCK;
        int at = 0;
        while (decoded.size() < limit && start + at < PAGE) {
            Insn insn = decoder.decode(page + start + at, PAGE - start - at, at, cpu.mode);
            if (insn == null) {
                break;
            }
            insn.index = decoded.size();
            decoded.add(insn);
            at = insn.end;
            if (Decoder.endsBlock(insn)) {
                break;
            }
        }
        return decoded.isEmpty() ? null : block(start);
    }

    private Block block(int start) {
        int count = decoded.size();
        Insn last = decoded.get(count - 1);
        boolean transfers = Decoder.transfers(last);
        if (count > 1 && Decoder.fuse(decoded.get(count - 2), last)) {
            decoded.remove(count - 1);
        }
        Insn[] insns = decoded.toArray(Insn[]::new);
        boolean linkable =
                start >= 0
                        && (cpu.mode & (Modes.SINGLE | Modes.FLAT_CODE)) == Modes.FLAT_CODE
                        && Decoder.keepsMode(last);
        return new Block(insns, count, cpu.mode, start, transfers, linkable);
    }

    /// Decodes one instruction byte by byte: it crosses a page, lies outside RAM or near the limit
    /// of CS. The block isn't kept.
    private Block decodeStraddling(long linear) {
        int count = 0;
        Insn insn = null;
        while (insn == null) {
            long rip = cpu.rip() + count;
            if (!cpu.isLongMode64() && rip > cpu.segments[Insn.CS].limit) {
                throw cpu.generalProtection();
            }
            long at = linear + count;
            long byteAt = cpu.isLongMode64() ? at : at & 0xFFFF_FFFFL;
            long page = cpu.mmu.fetchPage(byteAt);
            byte value =
                    page < 0
                            ? (byte) cpu.mmu.fetchDevice(byteAt)
                            : NativeSpace.SPACE.get(NativeSpace.I8, page + (byteAt & PAGE - 1));
            NativeSpace.SPACE.set(NativeSpace.I8, straddle + count, value);
            count++;
            insn = decoder.decode(straddle, count, 0, cpu.mode);
        }
        decoded.clear();
        decoded.add(insn);
        return block(-1);
    }
}
