package nestbox.devices.smbios;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

class SmbiosTablesTest {
    private static final ProcessorIdentity PROCESSOR =
            new ProcessorIdentity(
                    "Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz",
                    0x806E9,
                    0xBFEBFBFF,
                    2,
                    4,
                    2600,
                    ProcessorIdentity.kabyLakeCaches(2, 3072));

    private record Structure(int type, int handle, byte[] fields, List<String> strings) {}

    private static FirmwareImage image(long memory) {
        return SmbiosTables.of(BoardIdentity.NUC7I5DNHE, PROCESSOR, memory);
    }

    private static List<Structure> structures(byte[] image) {
        List<Structure> found = new ArrayList<>();
        int at = image[16] & 0xFF; // table address, low byte
        while (at < image.length) {
            int length = image[at + 1];
            byte[] fields = Arrays.copyOfRange(image, at, at + length);
            List<String> strings = new ArrayList<>();
            int text = at + length;
            while (image[text] != 0) {
                int end = text;
                while (image[end] != 0) {
                    end++;
                }
                strings.add(new String(image, text, end - text, StandardCharsets.US_ASCII));
                text = end + 1;
            }
            at = strings.isEmpty() ? text + 2 : text + 1;
            int handle = fields[2] & 0xFF | (fields[3] & 0xFF) << 8;
            found.add(new Structure(fields[0] & 0xFF, handle, fields, strings));
        }
        return found;
    }

    @Test
    void entryPointIsFoundAndSumsUp() {
        FirmwareImage image = image(4L << 30);
        assertThat(image.address()).isEqualTo(BoardMap.SMBIOS_TABLES);
        assertThat(new String(image.bytes(), 0, 5, StandardCharsets.US_ASCII)).isEqualTo("_SM3_");
        assertThat(IntStream.range(0, 24).map(i -> image.bytes()[i]).sum() & 0xFF).isZero();
        assertThat(image.end()).isLessThan(BoardMap.FIRMWARE_END);
    }

    @Test
    void structuresAreThoseOfTheSpecification() {
        List<Structure> all = structures(image(4L << 30).bytes());
        assertThat(all)
                .extracting(Structure::type)
                .containsExactly(0, 1, 2, 3, 4, 7, 7, 7, 7, 16, 17, 17, 19, 19, 32, 127);
        assertThat(all).extracting(Structure::handle).doesNotHaveDuplicates();
        assertThat(all)
                .extracting(s -> s.fields.length)
                .containsExactly(26, 27, 15, 22, 48, 27, 27, 27, 27, 23, 40, 40, 31, 31, 11, 4);
    }

    @Test
    void boardIsTheNuc() {
        List<Structure> all = structures(image(1L << 30).bytes());
        assertThat(all.get(1).strings)
                .containsExactly(
                        "Intel Corporation",
                        "NUC7i5DNHE",
                        "J57828-507",
                        "DW1710099900081",
                        "Intel NUC");
        assertThat(all.get(1).fields)
                .contains(0xA2, 0x1C, 0x71, 0x36, 0x84, 0xA7, 0x49, 0xAD, 0xB0, 0xDC);
        assertThat(all.get(0).strings).contains("DNKBLi7v.86A.0064.2019.0524.1002");
        assertThat(all.get(4).strings).contains(PROCESSOR.brand());
    }

    @Test
    void memoryIsAsLargeAsAsked() {
        Structure module = structures(image(64L << 30).bytes()).get(10);
        ByteBuffer fields = ByteBuffer.wrap(module.fields).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(fields.getShort(0x0C)).isEqualTo((short) 0x7FFF);
        assertThat(fields.getInt(0x1C)).isEqualTo(64 << 10);
        assertThat(structures(image(1L << 30).bytes())).filteredOn(s -> s.type == 19).hasSize(1);
    }
}
