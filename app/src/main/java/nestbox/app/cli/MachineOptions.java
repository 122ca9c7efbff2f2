package nestbox.app.cli;

import nestbox.app.board.ClockMode;
import nestbox.app.board.DiskSpec;
import nestbox.app.board.NetSpec;
import nestbox.cpu.model.CpuModel;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Options that say what the machine is made of.
final class MachineOptions {
    static final int MOST_PROCESSORS = 8;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            converter = MemorySize.Converter.class,
            description = "RAM, such as 1536M or 2G. Default: 1G, or what a built-in guest needs.")
    Optional<MemorySize> memory = Optional.empty();

    @Option(
            names = "--cpus",
            paramLabel = "N",
            converter = ProcessorCount.class,
            description =
                    "Number of processors, 1 to 8. Default: 1, or as many as the scenario's board"
                            + " has.")
    Optional<Integer> processors = Optional.empty();

    @Option(
            names = "--cpu",
            paramLabel = "MODEL",
            defaultValue = "kabylake",
            converter = Model.class,
            description = "Processor model, kabylake or server. Default: ${DEFAULT-VALUE}.")
    CpuModel model = CpuModel.kabylake();

    @Option(
            names = "--disk",
            paramLabel = "FILE[,ro|,overlay]",
            converter = Disk.class,
            description =
                    "A disk whose sectors are the bytes of FILE; may be given more than "
                            + "once. ro: the guest can't write. overlay: it can, and FILE stays as it "
                            + "is.")
    List<DiskSpec> disks = new ArrayList<>();

    @Option(
            names = "--net",
            paramLabel = "PEER",
            converter = Net.class,
            description =
                    "A network card, and where its frames go: loopback, or a UNIX stream "
                            + "socket unix:PATH to connect to or unix-listen:PATH to wait at. "
                            + "Default: no card.")
    Optional<NetSpec> net = Optional.empty();

    @Option(
            names = "--clock",
            paramLabel = "CLOCK",
            defaultValue = "virtual",
            description =
                    "virtual: time passes with the instructions, so every run is the same. "
                            + "host: a second is a second. Default: ${DEFAULT-VALUE}.")
    ClockMode clock = ClockMode.VIRTUAL;

    /// Finds what would keep a machine from being built, before anything is done.
    void check() {
        for (DiskSpec disk : disks) {
            check(disk);
        }
    }

    private static void check(DiskSpec disk) {
        Path file = disk.file();
        try {
            if (!Files.exists(file)) {
                throw new UserMistake(
                        "There is no disk %s: make it, for example with truncate -s 1G %s."
                                .formatted(file, file));
            }
            if (Files.isDirectory(file)) {
                throw new UserMistake("The disk %s is a folder: name a file.".formatted(file));
            }
            if (Files.isRegularFile(file) && Files.size(file) == 0) {
                throw new UserMistake(
                        "The disk %s is empty: give it a size with truncate -s 1G %s."
                                .formatted(file, file));
            }
        } catch (IOException e) {
            throw UserMistake.of("Can't look at the disk " + file, e);
        }
        if (!Files.isReadable(file)) {
            throw new UserMistake("The disk %s can't be read: permission denied.".formatted(file));
        }
        if (disk.access() == DiskSpec.Access.READ_WRITE && !Files.isWritable(file)) {
            throw new UserMistake(
                    "The disk %s can't be written to: add ,ro or ,overlay to its name."
                            .formatted(file));
        }
    }

    /// What to tell the user when the machine couldn't be built.
    UserMistake explained(IOException e) {
        return switch (net.orElse(new NetSpec.Loopback())) {
            case NetSpec.UnixSocket(Path path, boolean listen)
                    when !(e instanceof FileSystemException) ->
                    UserMistake.of(
                            (listen ? "Can't wait at" : "Can't connect to")
                                    + " the socket of --net, "
                                    + path,
                            e);
            case NetSpec.UnixSocket _, NetSpec.Loopback _ ->
                    UserMistake.of("Can't set up the machine", e);
        };
    }

    static final class ProcessorCount implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String value) {
            if (!value.matches("[1-" + MOST_PROCESSORS + "]")) {
                throw new TypeConversionException(
                        "'%s' is no number from 1 to %d".formatted(value, MOST_PROCESSORS));
            }
            return Integer.valueOf(value);
        }
    }

    static final class Model implements ITypeConverter<CpuModel> {
        @Override
        public CpuModel convert(String value) {
            return CpuModel.named(value)
                    .orElseThrow(
                            () ->
                                    new TypeConversionException(
                                            "there is no model '%s': choose one of %s"
                                                    .formatted(value, names())));
        }

        private static String names() {
            return CpuModel.all().stream().map(CpuModel::name).collect(Collectors.joining(", "));
        }
    }

    static final class Disk implements ITypeConverter<DiskSpec> {
        @Override
        public DiskSpec convert(String value) {
            int comma = value.lastIndexOf(',');
            DiskSpec.Access access =
                    switch (value.substring(comma + 1)) {
                        case "ro" -> DiskSpec.Access.READ_ONLY;
                        case "overlay" -> DiskSpec.Access.OVERLAY;
                        default -> DiskSpec.Access.READ_WRITE;
                    };
            boolean plain = comma < 0 || access == DiskSpec.Access.READ_WRITE;
            return new DiskSpec(Path.of(plain ? value : value.substring(0, comma)), access);
        }
    }

    static final class Net implements ITypeConverter<NetSpec> {
        private static final String CONNECT = "unix:";
        private static final String LISTEN = "unix-listen:";

        @Override
        public NetSpec convert(String value) {
            if (value.equals("loopback")) {
                return new NetSpec.Loopback();
            }
            if (value.startsWith(CONNECT) && value.length() > CONNECT.length()) {
                return new NetSpec.UnixSocket(Path.of(value.substring(CONNECT.length())), false);
            }
            if (value.startsWith(LISTEN) && value.length() > LISTEN.length()) {
                return new NetSpec.UnixSocket(Path.of(value.substring(LISTEN.length())), true);
            }
            throw new TypeConversionException(
                    "'%s' is no network: write loopback, unix:PATH or unix-listen:PATH"
                            .formatted(value));
        }
    }
}
