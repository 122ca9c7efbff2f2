package nestbox.app.board;

import nestbox.devices.virtio.VirtioPci;
import nestbox.devices.virtio.blk.Disk;
import nestbox.devices.virtio.blk.OverlayDisk;
import nestbox.devices.virtio.blk.RawDisk;
import nestbox.devices.virtio.blk.VirtioBlk;
import nestbox.devices.virtio.console.VirtioConsole;
import nestbox.devices.virtio.net.LoopbackBackend;
import nestbox.devices.virtio.net.MacAddress;
import nestbox.devices.virtio.net.NetBackend;
import nestbox.devices.virtio.net.UnixStreamBackend;
import nestbox.devices.virtio.net.VirtioNet;
import nestbox.devices.virtio.rng.VirtioRng;
import nestbox.platform.ByteSink;
import nestbox.platform.GuestMemory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The files and sockets behind a board's virtio devices.
final class Backends implements AutoCloseable {
    private static final String MAC = "52:54:00:4e:42:01";
    private static final long SEED = 0x4E65_7374_626F_7801L;

    private final List<Disk> disks = new ArrayList<>();
    private final Optional<ByteSink> console;
    private final List<NetBackend> nets = new ArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();

    private Backends(Optional<ByteSink> console) {
        this.console = console;
    }

    static Backends open(BoardConfiguration configuration) throws IOException {
        Backends backends = new Backends(configuration.virtioConsole());
        try {
            for (DiskSpec spec : configuration.disks()) {
                backends.disks.add(backends.disk(spec));
            }
            if (configuration.net().isPresent()) {
                backends.nets.add(backends.net(configuration.net().get()));
            }
            return backends;
        } catch (IOException | RuntimeException e) {
            backends.close();
            throw e;
        }
    }

    private Disk disk(DiskSpec spec) throws IOException {
        return switch (spec.access()) {
            case READ_WRITE -> keep(RawDisk.open(spec.file()));
            case READ_ONLY -> keep(RawDisk.openReadOnly(spec.file()));
            case OVERLAY -> {
                Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
                RawDisk below = keep(RawDisk.openReadOnly(spec.file()));
                yield keep(OverlayDisk.over(below, temporary));
            }
        };
    }

    private NetBackend net(NetSpec spec) throws IOException {
        return switch (spec) {
            case NetSpec.Loopback() -> new LoopbackBackend();
            case NetSpec.UnixSocket(Path path, boolean listen) ->
                    keep(listen ? UnixStreamBackend.listen(path) : UnixStreamBackend.connect(path));
        };
    }

    private <T extends AutoCloseable> T keep(T resource) {
        open.add(resource);
        return resource;
    }

    /// The virtio devices, in the order of their places on the bus.
    List<VirtioPci> devices(GuestMemory memory) {
        List<VirtioPci> devices = new ArrayList<>();
        devices.add(new VirtioPci(new VirtioRng("rng0", SEED), memory));
        for (int i = 0; i < disks.size(); i++) {
            String serial = "nestbox-%d".formatted(i);
            devices.add(new VirtioPci(new VirtioBlk("disk" + i, disks.get(i), serial, 1), memory));
        }
        for (NetBackend net : nets) {
            devices.add(new VirtioPci(new VirtioNet("net0", MacAddress.parse(MAC), net), memory));
        }
        console.ifPresent(
                output ->
                        devices.add(new VirtioPci(new VirtioConsole("console0", output), memory)));
        return devices;
    }

    void onInput(Runnable wake) {
        nets.forEach(net -> net.onInput(wake));
    }

    @Override
    public void close() {
        for (AutoCloseable resource : open.reversed()) {
            try {
                resource.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
