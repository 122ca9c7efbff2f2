package nestbox.images.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;

final class ElfFileTest {
    @Test
    void whatALoaderNeedsIsRead() throws IOException {
        ElfFile elf =
                ElfFile.parse(
                        new Elves()
                                .interpreter("/lib64/ld.so")
                                .needed("liba.so", "libb.so")
                                .rpath("/a:/b")
                                .runpath("$ORIGIN/../c")
                                .bytes());

        assertThat(elf.interpreter()).contains("/lib64/ld.so");
        assertThat(elf.needed()).containsExactly("liba.so", "libb.so");
        assertThat(elf.rpath()).containsExactly("/a", "/b");
        assertThat(elf.runpath()).containsExactly("$ORIGIN/../c");
    }

    @Test
    void aSectionIsFoundByItsName() throws IOException {
        byte[] module = Elves.module("depends=a,b", "license=GPL");

        assertThat(ElfFile.section(module, ".modinfo"))
                .hasValueSatisfying(
                        info -> assertThat(info).asString().startsWith("depends=a,b\0license"));
        assertThat(ElfFile.section(module, ".text")).isEmpty();
    }

    @Test
    void aFileForAnotherProcessorIsRefused() {
        byte[] elf = new Elves().bytes();
        elf[18] = 40;

        assertThatThrownBy(() -> ElfFile.parse(elf)).hasMessageContaining("x86-64");
    }

    @Test
    void aFileThatIsCutShortIsRefused() {
        byte[] elf = new Elves().interpreter("/ld").needed("liba.so").bytes();
        for (int length = 0; length < elf.length; length++) {
            byte[] cut = Arrays.copyOf(elf, length);
            assertThatThrownBy(() -> ElfFile.parse(cut)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void damageIsAnIoExceptionAndNothingElse() {
        long seed = 7;
        SplittableRandom random = new SplittableRandom(seed);
        byte[] program = new Elves().interpreter("/ld").needed("liba.so").rpath("/a").bytes();
        byte[] module = Elves.module("depends=a");
        for (int round = 0; round < 20_000; round++) {
            byte[] damaged = (random.nextBoolean() ? program : module).clone();
            for (int hits = random.nextInt(1, 6); hits > 0; hits--) {
                damaged[random.nextInt(4, damaged.length)] = (byte) random.nextInt();
            }
            try {
                ElfFile.parse(damaged);
                ElfFile.section(damaged, ".modinfo");
            } catch (IOException _) {
                // as it should be
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }
}
