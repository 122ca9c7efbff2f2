package nestbox.cpu.model;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.SplittableRandom;

class CpuidLeavesTest {
    private static final long SEED = 0x5EED_0002;
    private static final long MISC_ENABLE = CpuModel.kabylake().msr(Msr.IA32_MISC_ENABLE);

    private static final EnumSet<Cpuid> EVERYTHING = EnumSet.allOf(Cpuid.class);

    private record Registers(
            long cr4,
            long xcr0,
            long xss,
            long miscEnable,
            boolean apicEnabled,
            boolean in64BitMode)
            implements CpuidState {}

    private static final CpuidState LONG_MODE =
            new Registers(0, XsaveComponent.LEGACY, 0, MISC_ENABLE, true, true);

    private final CpuidLeaves kabylake =
            new CpuidLeaves(CpuModel.kabylake(), Topology.ofCores(4), 2);

    private int[] read(int leaf, int subleaf) {
        return kabylake.read(leaf, subleaf, LONG_MODE);
    }

    @Test
    void leaf0NamesTheVendor() {
        int[] answer = read(0, 0);
        assertThat(answer[0]).isEqualTo(0x16);
        assertThat(text(answer[1], answer[3], answer[2])).isEqualTo("GenuineIntel");
    }

    @Test
    void brandStringIsTheModelsOwn() {
        int[] a = read(0x8000_0002, 0);
        int[] b = read(0x8000_0003, 0);
        int[] c = read(0x8000_0004, 0);
        assertThat(text(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3]))
                .isEqualTo("Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz");
    }

    @Test
    void signatureSplitsTheModelNumber() {
        assertThat(read(1, 0)[0]).isEqualTo(0x806E9);
        assertThat(CpuModel.server().identity().signature()).isEqualTo(0x606A6);
    }

    @Test
    void leaf1GivesApicIdAndSizeOfPackage() {
        assertThat(read(1, 0)[1]).isEqualTo(2 << 24 | 4 << 16 | 8 << 8);
        assertThat(Cpuid.HTT.in(read(1, 0))).isTrue();
        CpuidLeaves single = new CpuidLeaves(CpuModel.kabylake(), Topology.ofCores(1), 0);
        assertThat(Cpuid.HTT.in(single.read(1, 0, LONG_MODE))).isFalse();
    }

    @Test
    void flagsAreThoseOfModelAndImplementation() {
        for (CpuModel model : CpuModel.all()) {
            CpuidLeaves leaves = new CpuidLeaves(model, Topology.ofCores(2), 0);
            CpuidState state = new Registers(-1, 3, 0, MISC_ENABLE, true, true);
            for (Cpuid flag : Cpuid.values()) {
                boolean expected =
                        model.features().contains(flag) && Implemented.FEATURES.contains(flag);
                assertThat(flag.in(leaves.read(flag.leaf(), flag.subleaf(), state)))
                        .as("%s of %s", flag, model.name())
                        .isEqualTo(expected);
                assertThat(leaves.has(flag)).isEqualTo(expected);
            }
        }
    }

    @Test
    void umipDependsOnTheModel() {
        CpuidLeaves server = new CpuidLeaves(CpuModel.server(), Topology.ofCores(1), 0);
        assertThat(server.has(Cpuid.UMIP)).isTrue();
        assertThat(kabylake.has(Cpuid.UMIP)).isFalse();
    }

    @Test
    void someFlagsMirrorRegisters() {
        Registers off = new Registers(0, 3, 0, 1L << 34, false, false);
        assertThat(Cpuid.OSXSAVE.in(kabylake.read(1, 0, off))).isFalse();
        assertThat(Cpuid.APIC.in(kabylake.read(1, 0, off))).isFalse();
        assertThat(Cpuid.MONITOR.in(kabylake.read(1, 0, off))).isFalse();
        assertThat(Cpuid.ERMS.in(kabylake.read(7, 0, off))).isFalse();
        assertThat(Cpuid.SYSCALL_SYSRET.in(kabylake.read(0x8000_0001, 0, off))).isFalse();
        assertThat(Cpuid.EXECUTE_DISABLE.in(kabylake.read(0x8000_0001, 0, off))).isFalse();
        assertThat(Cpuid.INTEL_64.in(kabylake.read(0x8000_0001, 0, off))).isTrue();
        Registers on = new Registers(1 << 18, 3, 0, MISC_ENABLE, true, true);
        assertThat(Cpuid.OSXSAVE.in(kabylake.read(1, 0, on))).isTrue();
        assertThat(Cpuid.SYSCALL_SYSRET.in(kabylake.read(0x8000_0001, 0, on))).isTrue();
    }

    @Test
    void leavesOutOfRangeAnswerAsTheHighestBasicLeaf() {
        int[] highest = read(0x16, 0);
        assertThat(highest).containsExactly(2600, 3500, 100, 0);
        for (int leaf : new int[] {0x17, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0009, -1}) {
            assertThat(read(leaf, 0)).as("leaf %x", leaf).isEqualTo(highest);
        }
    }

    @Test
    void limitOfLeavesHidesTheRest() {
        Registers limited = new Registers(0, 3, 0, MISC_ENABLE | 1 << 22, true, true);
        assertThat(kabylake.read(0, 0, limited)[0]).isEqualTo(2);
        assertThat(kabylake.read(7, 0, limited)).isEqualTo(read(2, 0));
        assertThat(kabylake.read(0x8000_0000, 0, limited)[0]).isEqualTo(0x8000_0008);
    }

    @Test
    void flagsBelongToTheirSubleafOnly() {
        assertThat(read(7, 1)).containsExactly(0, 0, 0, 0);
        assertThat(read(1, 5)).isEqualTo(read(1, 0));
    }

    @Test
    void cachesMultiplyToTheirSize() {
        for (CpuModel model : CpuModel.all()) {
            CpuidLeaves leaves = new CpuidLeaves(model, Topology.ofCores(4), 0);
            for (int i = 0; i < model.caches().size(); i++) {
                int[] answer = leaves.read(4, i, LONG_MODE);
                int ways = (answer[1] >>> 22) + 1;
                int line = (answer[1] & 0xFFF) + 1;
                assertThat((long) ways * line * (answer[2] + 1))
                        .isEqualTo(model.caches().get(i).bytes());
            }
            assertThat(leaves.read(4, model.caches().size(), LONG_MODE)[0] & 0x1F).isZero();
        }
    }

    @Test
    void cachesAreSharedAsTheTopologySays() {
        CpuidLeaves threads = new CpuidLeaves(CpuModel.kabylake(), new Topology(1, 2, 2), 3);
        assertThat(threads.read(4, 0, LONG_MODE)[0])
                .isEqualTo(1 | 1 << 5 | 1 << 8 | 1 << 14 | 1 << 26);
        assertThat(threads.read(4, 3, LONG_MODE)[0])
                .isEqualTo(3 | 3 << 5 | 1 << 8 | 3 << 14 | 1 << 26);
    }

    @Test
    void topologyLevelsEndWithAnInvalidOne() {
        CpuidLeaves threads = new CpuidLeaves(CpuModel.kabylake(), new Topology(1, 2, 2), 3);
        assertThat(threads.read(0xB, 0, LONG_MODE)).containsExactly(1, 2, 0x100, 3);
        assertThat(threads.read(0xB, 1, LONG_MODE)).containsExactly(2, 4, 0x201, 3);
        assertThat(threads.read(0xB, 2, LONG_MODE)).containsExactly(0, 0, 2, 3);
    }

    @Test
    void frequenciesMultiplyToTheTsc() {
        for (CpuModel model : CpuModel.all()) {
            CpuidLeaves leaves = new CpuidLeaves(model, Topology.ofCores(1), 0);
            int[] answer = leaves.read(0x15, 0, LONG_MODE);
            long hertz = (long) answer[2] * answer[1] / answer[0];
            assertThat(hertz * answer[0]).isEqualTo((long) answer[2] * answer[1]);
            assertThat(model.clocks().tsc().hertz()).isEqualTo(hertz);
            assertThat(hertz).isEqualTo(model.clocks().baseMegahertz() * 1_000_000L);
            assertThat(model.clocks().crystal().hertz()).isEqualTo(answer[2]);
        }
    }

    @Test
    void addressWidthsAreTheModels() {
        assertThat(read(0x8000_0008, 0)[0]).isEqualTo(48 << 8 | 39);
        CpuidLeaves server = new CpuidLeaves(CpuModel.server(), Topology.ofCores(1), 0);
        assertThat(server.read(0x8000_0008, 0, LONG_MODE)[0]).isEqualTo(48 << 8 | 46);
    }

    @Test
    void xsaveAreaHasLegacyRegionAndHeader() {
        assertThat(kabylake.supportedXcr0()).isEqualTo(3);
        assertThat(read(0xD, 0)).containsExactly(3, 576, 576, 0);
        assertThat(read(0xD, 1)).as("XSAVEOPT, XSAVEC, ...").containsExactly(0xF, 576, 0x2000, 0);
        assertThat(read(0xD, 2)).containsExactly(0, 0, 0, 0);
    }

    @Test
    void supervisorStateCountsInTheCompactedFormatAlone() {
        assertThat(read(0xD, 13)).containsExactly(8, 0, 1, 0);
        Registers duty = new Registers(0, 3, 1 << 13, MISC_ENABLE, true, true);
        assertThat(kabylake.read(0xD, 0, duty)).containsExactly(3, 576, 576, 0);
        assertThat(kabylake.read(0xD, 1, duty)[1]).isEqualTo(584);
    }

    @Test
    void xsaveAreaGrowsWithXcr0() {
        CpuidLeaves all = new CpuidLeaves(CpuModel.server(), Topology.ofCores(1), 0, EVERYTHING);
        assertThat(all.supportedXcr0()).isEqualTo(0x2E7);
        Registers avx = new Registers(0, 7, 0, MISC_ENABLE, true, true);
        assertThat(all.read(0xD, 0, avx)).containsExactly(0x2E7, 832, 2696, 0);
        assertThat(all.read(0xD, 2, avx)).containsExactly(256, 576, 0, 0);
        Registers avx512 = new Registers(0, 0x2E7, 0, MISC_ENABLE, true, true);
        assertThat(all.read(0xD, 1, avx512)[1]).isEqualTo(576 + 256 + 64 + 512 + 1024 + 8);
    }

    @Test
    void anythingMayBeAsked() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 20_000; i++) {
            int leaf = random.nextInt() & (random.nextBoolean() ? 0x8000_001F : -1);
            int subleaf = random.nextInt() >> random.nextInt(32);
            assertThat(read(leaf, subleaf)).as("%x.%x, seed %x", leaf, subleaf, SEED).hasSize(4);
        }
    }

    private static String text(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int word : words) {
            bytes.putInt(word);
        }
        return new String(bytes.array(), StandardCharsets.US_ASCII).replace("\0", "");
    }
}
