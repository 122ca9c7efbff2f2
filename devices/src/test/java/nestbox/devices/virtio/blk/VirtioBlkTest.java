package nestbox.devices.virtio.blk;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver;
import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Ring;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.QueueFault;
import nestbox.devices.virtio.VirtioPci;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

class VirtioBlkTest {
    private static final int IN = 0;
    private static final int OUT = 1;
    private static final int FLUSH = 4;
    private static final int GET_ID = 8;
    private static final int DISCARD = 11;
    private static final int WRITE_ZEROES = 13;
    private static final int OK = 0;
    private static final int IOERR = 1;
    private static final int UNSUPP = 2;
    private static final long F_RO = 1 << 5;
    private static final long F_FLUSH = 1 << 9;
    private static final long F_MQ = 1 << 12;
    private static final long F_DISCARD = 1 << 13;
    private static final long F_WRITE_ZEROES = 1 << 14;

    @TempDir Path directory;

    private GuestDriver guest;

    @AfterEach
    void close() {
        if (guest != null) {
            guest.close();
        }
    }

    private Path image(int bytes) throws IOException {
        byte[] contents = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            contents[i] = (byte) (i / 512 + i);
        }
        return Files.write(directory.resolve("disk.img"), contents);
    }

    private void start(Disk disk, int queues, long features) {
        guest = new GuestDriver(new VirtioBlk("disk0", disk, "serial-1", queues));
        guest.start(features);
    }

    private Buffer header(int type, long sector) {
        return guest.out(
                ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(type)
                        .putInt(0)
                        .putLong(sector)
                        .array());
    }

    /// @return the status byte
    private int request(int queue, int type, long sector, Buffer... data) {
        Ring ring = guest.ring(queue);
        Buffer[] all = new Buffer[data.length + 2];
        all[0] = header(type, sector);
        System.arraycopy(data, 0, all, 1, data.length);
        Buffer status = guest.in(1);
        all[all.length - 1] = status;
        ring.request(all);
        assertThat(ring.used()).isPresent();
        return guest.contents(status)[0];
    }

    private Buffer range(long sector, int count, int flags) {
        return guest.out(
                ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(sector)
                        .putInt(count)
                        .putInt(flags)
                        .array());
    }

    @Test
    void readsAndWritesTheFile() throws IOException {
        Path image = image(64 * 512);
        start(RawDisk.open(image), 1, F_FLUSH);
        assertThat(guest.deviceConfig(0, 8)).isEqualTo(64);
        Buffer data = guest.in(700);
        Buffer rest = guest.in(1024 - 700);
        assertThat(request(0, IN, 3, data, rest)).isEqualTo(OK);
        byte[] file = Files.readAllBytes(image);
        assertThat(guest.contents(data))
                .isEqualTo(Arrays.copyOfRange(file, 3 * 512, 3 * 512 + 700));
        assertThat(guest.contents(rest))
                .isEqualTo(Arrays.copyOfRange(file, 3 * 512 + 700, 5 * 512));
        byte[] text = Arrays.copyOf("written".getBytes(StandardCharsets.US_ASCII), 512);
        assertThat(request(0, OUT, 63, guest.out(text))).isEqualTo(OK);
        assertThat(request(0, FLUSH, 0)).isEqualTo(OK);
        assertThat(Arrays.copyOfRange(Files.readAllBytes(image), 63 * 512, 64 * 512))
                .isEqualTo(text);
    }

    @Test
    void usedLengthCountsWhatWasWritten() throws IOException {
        start(RawDisk.open(image(8 * 512)), 1, 0);
        Buffer status = guest.in(1);
        guest.ring(0).request(header(IN, 0), guest.in(512), status);
        assertThat(guest.ring(0).used()).contains(new Used(0, 513));
        guest.ring(0).request(header(OUT, 0), guest.out(new byte[512]), status);
        assertThat(guest.ring(0).used().orElseThrow().length()).isEqualTo(1);
    }

    @Test
    void headerAndStatusMayBeCutAnywhere() throws IOException {
        start(RawDisk.open(image(8 * 512)), 1, 0);
        Buffer whole = header(IN, 1);
        Buffer low = new Buffer(whole.address(), 5, false);
        Buffer high = new Buffer(whole.address() + 5, 11, false);
        Buffer dataAndStatus = guest.in(513);
        guest.ring(0).request(low, high, dataAndStatus);
        byte[] answer = guest.contents(dataAndStatus);
        assertThat(answer[0]).isEqualTo((byte) 1);
        assertThat(answer[512]).isZero();
    }

    @Test
    void everyQueueWorks() throws IOException {
        start(RawDisk.open(image(8 * 512)), 4, F_MQ);
        assertThat(guest.deviceConfig(34, 2)).isEqualTo(4);
        for (int queue = 0; queue < 4; queue++) {
            assertThat(request(queue, IN, queue, guest.in(512))).isEqualTo(OK);
        }
    }

    @Test
    void tellsItsSerialNumber() throws IOException {
        start(RawDisk.open(image(512)), 1, 0);
        Buffer id = guest.in(20);
        assertThat(request(0, GET_ID, 0, id)).isEqualTo(OK);
        assertThat(new String(guest.contents(id), StandardCharsets.US_ASCII))
                .isEqualTo("serial-1" + "\0".repeat(12));
        assertThat(request(0, GET_ID, 0, guest.in(19))).isEqualTo(IOERR);
    }

    @Test
    void requestsThatMakeNoSenseAreErrors() throws IOException {
        start(RawDisk.open(image(8 * 512)), 1, 0);
        assertThat(request(0, IN, 8, guest.in(512))).isEqualTo(IOERR);
        assertThat(request(0, IN, 7, guest.in(1024))).isEqualTo(IOERR);
        assertThat(request(0, IN, -1, guest.in(512))).isEqualTo(IOERR);
        assertThat(request(0, IN, Long.MAX_VALUE, guest.in(512))).isEqualTo(IOERR);
        assertThat(request(0, IN, 0, guest.in(100))).isEqualTo(IOERR);
        assertThat(request(0, 77, 0)).isEqualTo(UNSUPP);
        assertThat(request(0, DISCARD, 0, range(0, 1, 0))).isEqualTo(UNSUPP);
        assertThat(guest.needsReset()).isFalse();
        guest.ring(0).request(guest.out(new byte[8]), guest.in(1));
        assertThat(guest.device.faults()).containsExactly(QueueFault.BAD_REQUEST);
    }

    @Test
    void readOnlyDisksRefuseWrites() throws IOException {
        start(RawDisk.openReadOnly(image(8 * 512)), 1, F_RO);
        assertThat(guest.offeredFeatures() & (F_RO | F_DISCARD | F_WRITE_ZEROES)).isEqualTo(F_RO);
        assertThat(request(0, OUT, 0, guest.out(new byte[512]))).isEqualTo(IOERR);
        assertThat(request(0, WRITE_ZEROES, 0, range(0, 1, 0))).isEqualTo(UNSUPP);
        assertThat(request(0, IN, 0, guest.in(512))).isEqualTo(OK);
        assertThat(request(0, FLUSH, 0)).isEqualTo(OK);
    }

    @Test
    void aPartialLastSectorIsFilledWithZeroes() throws IOException {
        Path image = image(512 + 100);
        start(RawDisk.open(image), 1, 0);
        assertThat(guest.deviceConfig(0, 8)).isEqualTo(2);
        Buffer data = guest.in(512);
        assertThat(request(0, IN, 1, data)).isEqualTo(OK);
        assertThat(Arrays.copyOfRange(guest.contents(data), 100, 512)).containsOnly(0);
        assertThat(guest.contents(data)[0]).isEqualTo((byte) 1);
        assertThat(request(0, OUT, 1, guest.out(new byte[512]))).isEqualTo(OK);
        assertThat(image).hasSize(1024);
    }

    @Test
    void writeZeroesChecksItsRanges() throws IOException {
        Path image = image(64 * 512);
        start(RawDisk.open(image), 1, F_WRITE_ZEROES);
        assertThat(request(0, WRITE_ZEROES, 0, range(5, 20, 0))).isEqualTo(OK);
        byte[] file = Files.readAllBytes(image);
        assertThat(Arrays.copyOfRange(file, 5 * 512, 25 * 512)).containsOnly(0);
        assertThat(file[5 * 512 - 1]).isNotZero();
        assertThat(request(0, WRITE_ZEROES, 0, range(60, 5, 0))).isEqualTo(IOERR);
        assertThat(request(0, WRITE_ZEROES, 0, range(-1, 5, 0))).isEqualTo(IOERR);
        assertThat(request(0, WRITE_ZEROES, 0, range(0, -1, 0))).isEqualTo(IOERR);
        assertThat(request(0, WRITE_ZEROES, 0, range(0, 1, 2))).isEqualTo(UNSUPP);
        assertThat(request(0, WRITE_ZEROES, 0, guest.out(new byte[15]))).isEqualTo(IOERR);
        assertThat(request(0, WRITE_ZEROES, 0)).isEqualTo(IOERR);
    }

    @Test
    void hostTroubleIsAnIoErrorForTheGuest() throws IOException {
        Disk disk = RawDisk.open(image(8 * 512));
        start(disk, 1, F_FLUSH);
        disk.close();
        assertThat(request(0, IN, 0, guest.in(512))).isEqualTo(IOERR);
        assertThat(request(0, OUT, 0, guest.out(new byte[512]))).isEqualTo(IOERR);
        assertThat(request(0, FLUSH, 0)).isEqualTo(IOERR);
        assertThat(guest.needsReset()).isFalse();
    }

    @Test
    void anOverlayLeavesTheFileUntouched() throws IOException {
        Path image = image(64 * 512);
        byte[] before = Files.readAllBytes(image);
        OverlayDisk overlay = OverlayDisk.over(RawDisk.openReadOnly(image), directory);
        start(overlay, 1, F_DISCARD);
        byte[] data = new byte[512];
        Arrays.fill(data, (byte) 0x77);
        assertThat(request(0, OUT, 9, guest.out(data))).isEqualTo(OK);
        Buffer around = guest.in(3 * 512);
        assertThat(request(0, IN, 8, around)).isEqualTo(OK);
        byte[] expected = Arrays.copyOfRange(before, 8 * 512, 11 * 512);
        System.arraycopy(data, 0, expected, 512, 512);
        assertThat(guest.contents(around)).isEqualTo(expected);
        assertThat(request(0, DISCARD, 0, range(0, 64, 0))).isEqualTo(OK);
        assertThat(request(0, IN, 8, around)).isEqualTo(OK);
        assertThat(guest.contents(around)).containsOnly(0);
        assertThat(Files.readAllBytes(image)).isEqualTo(before);
        try (var files = Files.list(directory)) {
            assertThat(files).as("no temporary file is to be seen").containsExactly(image);
        }
        overlay.close();
    }

    @Test
    void stateComesBack() throws IOException {
        start(RawDisk.open(image(8 * 512)), 1, 0);
        VirtioPci.State saved = guest.device.save();
        guest.powerOn();
        guest.device.restore(saved);
        assertThat(guest.device.save()).isEqualTo(saved);
        assertThat(request(0, IN, 0, guest.in(512))).isEqualTo(OK);
    }
}
