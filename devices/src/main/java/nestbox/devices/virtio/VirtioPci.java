package nestbox.devices.virtio;

import static nestbox.devices.virtio.VirtioRegisters.CAP_COMMON;
import static nestbox.devices.virtio.VirtioRegisters.CAP_DEVICE;
import static nestbox.devices.virtio.VirtioRegisters.CAP_ISR;
import static nestbox.devices.virtio.VirtioRegisters.CAP_NOTIFY;
import static nestbox.devices.virtio.VirtioRegisters.CAP_PCI;
import static nestbox.devices.virtio.VirtioRegisters.COMMON_SIZE;
import static nestbox.devices.virtio.VirtioRegisters.DEVICE_NEEDS_RESET;
import static nestbox.devices.virtio.VirtioRegisters.DRIVER_OK;
import static nestbox.devices.virtio.VirtioRegisters.FEATURES_OK;
import static nestbox.devices.virtio.VirtioRegisters.F_EVENT_IDX;
import static nestbox.devices.virtio.VirtioRegisters.F_INDIRECT_DESC;
import static nestbox.devices.virtio.VirtioRegisters.F_VERSION_1;
import static nestbox.devices.virtio.VirtioRegisters.ISR_CONFIG;
import static nestbox.devices.virtio.VirtioRegisters.ISR_QUEUE;
import static nestbox.devices.virtio.VirtioRegisters.NO_VECTOR;

import nestbox.devices.pci.BarKind;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciIdentity;
import nestbox.devices.pci.PciRegisters;
import nestbox.devices.pci.RegisterBlock;
import nestbox.platform.DmaDomain;
import nestbox.platform.GuestMemory;
import nestbox.platform.Mmio;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/// A virtio device on PCI: negotiation, queues and interrupts of the modern (1.x) interface.
///
/// Requests are handled while the driver's notification is: when the guest's next instruction
/// runs they are done, and the interrupt, if wanted, was raised after all of them. Only what comes
/// from outside needs [#poll].
public final class VirtioPci extends PciFunction {
    /// What a snapshot holds.
    public record State(
            PciFunction.State function,
            RegisterBlock.State deviceConfig,
            int deviceFeatureSelect,
            int driverFeatureSelect,
            long driverFeatures,
            int status,
            int generation,
            int queueSelect,
            int configVector,
            int isr,
            List<VirtQueue.State> queues,
            VirtioDevice.State device) {
        public State {
            queues = List.copyOf(queues);
        }
    }

    private static final int MSIX_BAR = 1;
    private static final int BAR = 4;
    private static final int REGION = 0x1000;
    private static final int COMMON_AT = 0;
    private static final int ISR_AT = REGION;
    private static final int DEVICE_AT = 2 * REGION;
    private static final int NOTIFY_AT = 3 * REGION;
    private static final int BAR_SIZE = 4 * REGION;
    private static final int NOTIFY_MULTIPLIER = 4;
    private static final int CAP_LENGTH = 16;
    private static final int LOW_32 = 0;
    private static final int HIGH_32 = 32;

    private final VirtioDevice device;
    private final DmaDomain dma;
    private final List<VirtQueue> queues = new ArrayList<>();
    private final RegisterBlock common = new RegisterBlock(COMMON_SIZE);
    private final RegisterBlock isrRegister = new RegisterBlock(4);
    private final long offered;

    private int deviceFeatureSelect;
    private int driverFeatureSelect;
    private long driverFeatures;
    private int status;
    private int generation;
    private int queueSelect;
    private int configVector = NO_VECTOR;
    private int isr;

    @SuppressWarnings("this-escape") // hooks run only after a guest can reach the function
    public VirtioPci(VirtioDevice device, GuestMemory memory) {
        super(
                device.name(),
                new PciIdentity(
                        VirtioRegisters.PCI_VENDOR,
                        VirtioRegisters.PCI_DEVICE + device.type(),
                        VirtioRegisters.PCI_REVISION,
                        device.classCode(),
                        VirtioRegisters.PCI_VENDOR,
                        VirtioRegisters.PCI_SUBSYSTEM));
        this.device = device;
        dma = new DmaDomain(memory);
        offered = device.features() | F_VERSION_1 | F_INDIRECT_DESC | F_EVENT_IDX;
        for (int size : device.queueSizes()) {
            queues.add(new VirtQueue(dma, queues.size(), size));
        }
        device.attach(
                new VirtioDevice.Transport() {
                    @Override
                    public boolean negotiated(long feature) {
                        return (status & FEATURES_OK) != 0 && (driverFeatures & feature) != 0;
                    }

                    @Override
                    public void configChanged() {
                        generation++;
                        configInterrupt();
                    }
                });
        useIntx(0);
        addMsix(queues.size() + 1, MSIX_BAR);
        addBar(BAR, BarKind.PREFETCHABLE_64, BAR_SIZE, new Registers());
        declareCapabilities();
        declareCommon();
        declareQueue();
        isrRegister.register("isr_status", 0, 1).computed(this::readIsr);
    }

    private void declareCapabilities() {
        capability(CAP_COMMON, COMMON_AT, COMMON_SIZE, 0);
        capability(CAP_ISR, ISR_AT, 4, 0);
        if (device.config.size() > 0) {
            capability(CAP_DEVICE, DEVICE_AT, device.config.size(), 0);
        }
        int notify = capability(CAP_NOTIFY, NOTIFY_AT, queues.size() * NOTIFY_MULTIPLIER, 4);
        config.register("notify_off_multiplier", notify + CAP_LENGTH, 4).reset(NOTIFY_MULTIPLIER);
        new ConfigAccess();
    }

    private int capability(int type, int offset, int length, int extra) {
        int at = addCapability(PciRegisters.CAPABILITY_VENDOR, CAP_LENGTH + extra);
        config.register("cap_len", at + 2, 1).reset(CAP_LENGTH + extra);
        config.register("cfg_type", at + 3, 1).reset(type);
        config.register("bar", at + 4, 1).reset(BAR);
        config.register("offset", at + 8, 4).reset(offset);
        config.register("length", at + 12, 4).reset(length);
        return at;
    }

    private void declareCommon() {
        common.register("device_feature_select", VirtioRegisters.DEVICE_FEATURE_SELECT, 4)
                .computed(() -> deviceFeatureSelect)
                .accepts(value -> deviceFeatureSelect = value);
        common.register("device_feature", VirtioRegisters.DEVICE_FEATURE, 4)
                .computed(() -> half(offered, deviceFeatureSelect));
        common.register("driver_feature_select", VirtioRegisters.DRIVER_FEATURE_SELECT, 4)
                .computed(() -> driverFeatureSelect)
                .accepts(value -> driverFeatureSelect = value);
        common.register("driver_feature", VirtioRegisters.DRIVER_FEATURE, 4)
                .computed(() -> half(driverFeatures, driverFeatureSelect))
                .accepts(this::chooseFeatures);
        common.register("config_msix_vector", VirtioRegisters.CONFIG_MSIX_VECTOR, 2)
                .computed(() -> configVector)
                .accepts(value -> configVector = vector(value));
        common.register("num_queues", VirtioRegisters.NUM_QUEUES, 2).computed(queues::size);
        common.register("device_status", VirtioRegisters.DEVICE_STATUS, 1)
                .computed(() -> status)
                .accepts(this::writeStatus);
        common.register("config_generation", VirtioRegisters.CONFIG_GENERATION, 1)
                .computed(() -> generation & 0xFF);
        common.register("queue_select", VirtioRegisters.QUEUE_SELECT, 2)
                .computed(() -> queueSelect)
                .accepts(value -> queueSelect = value);
    }

    private void declareQueue() {
        common.register("queue_size", VirtioRegisters.QUEUE_SIZE, 2)
                .computed(() -> selected().map(VirtQueue::size).orElse(0))
                .accepts(value -> selected().ifPresent(queue -> queue.resize(value)));
        common.register("queue_msix_vector", VirtioRegisters.QUEUE_MSIX_VECTOR, 2)
                .computed(() -> selected().map(VirtQueue::vector).orElse(NO_VECTOR))
                .accepts(value -> selected().ifPresent(queue -> queue.assignVector(vector(value))));
        common.register("queue_enable", VirtioRegisters.QUEUE_ENABLE, 2)
                .computed(() -> selected().filter(VirtQueue::enabled).isPresent() ? 1 : 0)
                .accepts(this::enableQueue);
        common.register("queue_notify_off", VirtioRegisters.QUEUE_NOTIFY_OFF, 2)
                .computed(() -> queueSelect);
        address(
                "queue_desc",
                VirtioRegisters.QUEUE_DESC,
                () -> selected().map(VirtQueue::descriptors).orElse(0L),
                value -> selected().ifPresent(q -> q.place(value, q.available(), q.used())));
        address(
                "queue_driver",
                VirtioRegisters.QUEUE_DRIVER,
                () -> selected().map(VirtQueue::available).orElse(0L),
                value -> selected().ifPresent(q -> q.place(q.descriptors(), value, q.used())));
        address(
                "queue_device",
                VirtioRegisters.QUEUE_DEVICE,
                () -> selected().map(VirtQueue::used).orElse(0L),
                value -> selected().ifPresent(q -> q.place(q.descriptors(), q.available(), value)));
    }

    private void address(String name, int at, LongSupplier read, LongConsumer write) {
        for (int shift : new int[] {LOW_32, HIGH_32}) {
            long mask = 0xFFFF_FFFFL << shift;
            common.register(shift == LOW_32 ? name : name + "_high", at + shift / 8, 4)
                    .computed(() -> (int) (read.getAsLong() >>> shift))
                    .accepts(
                            value ->
                                    write.accept(
                                            read.getAsLong() & ~mask
                                                    | (long) value << shift & mask));
        }
    }

    private Optional<VirtQueue> selected() {
        return queueSelect < queues.size()
                ? Optional.of(queues.get(queueSelect))
                : Optional.empty();
    }

    private static int half(long bits, int select) {
        return switch (select) {
            case 0 -> (int) bits;
            case 1 -> (int) (bits >>> 32);
            default -> 0;
        };
    }

    /// A vector that the function doesn't have reads back as none: 4.1.5.1.2.
    private int vector(int value) {
        return value < msixVectors() ? value : NO_VECTOR;
    }

    // Negotiation

    private void chooseFeatures(int value) {
        if ((status & FEATURES_OK) != 0) {
            return;
        }
        if (driverFeatureSelect == 0) {
            driverFeatures = driverFeatures & -1L << 32 | value & 0xFFFF_FFFFL;
        } else if (driverFeatureSelect == 1) {
            driverFeatures = driverFeatures & 0xFFFF_FFFFL | (long) value << 32;
        } else if (value != 0) {
            // Bits that no device has: remembered as a bit that is not offered.
            driverFeatures |= 1L << 63;
        }
    }

    /// Status bits only ever get set, until zero is written: 2.1.1.
    private void writeStatus(int value) {
        if (value == 0) {
            resetDevice();
            return;
        }
        int wanted = value & ~DEVICE_NEEDS_RESET;
        if ((wanted & FEATURES_OK) != 0 && (status & FEATURES_OK) == 0 && !featuresAreFine()) {
            wanted &= ~FEATURES_OK;
        }
        if (((status | wanted) & FEATURES_OK) == 0) {
            wanted &= ~DRIVER_OK;
        }
        boolean starting = (wanted & ~status & DRIVER_OK) != 0;
        status |= wanted;
        if ((status & FEATURES_OK) != 0) {
            queues.forEach(queue -> queue.negotiate(driverFeatures));
        }
        if (starting) {
            run();
        }
    }

    private boolean featuresAreFine() {
        return (driverFeatures & ~offered) == 0
                && (driverFeatures & F_VERSION_1) != 0
                && device.accepts(driverFeatures);
    }

    private void enableQueue(int value) {
        selected()
                .filter(queue -> value == 1 && !queue.enabled())
                .ifPresent(
                        queue -> {
                            queue.enable();
                            stopIfBroken(queue);
                        });
    }

    private void resetDevice() {
        status = 0;
        driverFeatures = 0;
        deviceFeatureSelect = 0;
        driverFeatureSelect = 0;
        queueSelect = 0;
        configVector = NO_VECTOR;
        isr = 0;
        queues.forEach(VirtQueue::reset);
        setIntx(false);
        device.stopped();
    }

    @Override
    public Optional<DmaDomain> dma() {
        return Optional.of(dma);
    }

    // Work

    /// Lets the device look at the world outside. The run loop calls it when an input source asked
    /// for it, and now and then.
    public void poll() {
        if (isRunning()) {
            device.poll();
            run();
        } else {
            device.pollIdle();
        }
    }

    /// What is wrong with the device's queues, if anything.
    public List<QueueFault> faults() {
        return queues.stream().map(VirtQueue::fault).filter(f -> f != QueueFault.NONE).toList();
    }

    private boolean isRunning() {
        return (status & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK && busMaster();
    }

    private void notifyQueue(long offset) {
        int index = (int) (offset / NOTIFY_MULTIPLIER);
        if (index < queues.size()) {
            queues.get(index).kick();
            run();
        }
    }

    /// Requests first: what they send may come back as input.
    private void run() {
        for (VirtQueue queue : queues) {
            if (isRunning() && queue.kicked()) {
                serve(queue);
            }
        }
        for (VirtQueue queue : queues) {
            if (isRunning() && device.isInput(queue)) {
                serve(queue);
            }
        }
    }

    /// At most as many chains as the queue holds, even if the driver keeps adding some: the rest
    /// waits for the next poll.
    private void serve(VirtQueue queue) {
        int budget = queue.size();
        while (budget > 0 && device.serve(queue)) {
            budget--;
        }
        if (queue.publish()) {
            interrupt(queue.vector(), ISR_QUEUE);
        }
        if (!queue.hasNext()) {
            queue.served();
        }
        stopIfBroken(queue);
    }

    private void stopIfBroken(VirtQueue queue) {
        if (queue.fault() != QueueFault.NONE && (status & DEVICE_NEEDS_RESET) == 0) {
            status |= DEVICE_NEEDS_RESET;
            configInterrupt();
        }
    }

    @Override
    protected void commandChanged() {
        run();
    }

    // Interrupts

    private void configInterrupt() {
        if ((status & DRIVER_OK) != 0) {
            interrupt(configVector, ISR_CONFIG);
        }
    }

    private void interrupt(int vector, int isrBit) {
        if (messageSignalled()) {
            signal(vector);
        } else {
            isr |= isrBit;
            setIntx(true);
        }
    }

    private int readIsr() {
        int bits = isr;
        isr = 0;
        setIntx(false);
        return bits;
    }

    // Register access

    private final class Registers implements Mmio {
        @Override
        public long read(long offset, int size) {
            long within = offset % REGION;
            return switch ((int) (offset - within)) {
                case COMMON_AT -> common.read(within, size);
                case ISR_AT -> isrRegister.read(within, size);
                case DEVICE_AT -> device.config.read(within, size);
                default -> 0;
            };
        }

        @Override
        public void write(long offset, int size, long value) {
            long within = offset % REGION;
            switch ((int) (offset - within)) {
                case COMMON_AT -> common.write(within, size, value);
                case DEVICE_AT -> device.config.write(within, size, value);
                case NOTIFY_AT -> notifyQueue(within);
                default -> {}
            }
        }
    }

    /// The capability by which software without access to BARs reads and writes their contents.
    private final class ConfigAccess {
        private final RegisterBlock.Register bar;
        private final RegisterBlock.Register offset;
        private final RegisterBlock.Register length;

        ConfigAccess() {
            int at = addCapability(PciRegisters.CAPABILITY_VENDOR, CAP_LENGTH + 4);
            config.register("cap_len", at + 2, 1).reset(CAP_LENGTH + 4);
            config.register("cfg_type", at + 3, 1).reset(CAP_PCI);
            bar = config.register("bar", at + 4, 1).writable(0xFF);
            offset = config.register("offset", at + 8, 4).writable(-1);
            length = config.register("length", at + 12, 4).writable(-1);
            config.register("pci_cfg_data", at + CAP_LENGTH, 4)
                    .computed(() -> target().map(t -> (int) t.read(start(), bytes())).orElse(0))
                    .accepts(
                            value ->
                                    target().ifPresent(
                                                    t ->
                                                            t.write(
                                                                    start(),
                                                                    bytes(),
                                                                    value & mask())));
        }

        private Optional<Mmio> target() {
            boolean legal =
                    (bytes() == 1 || bytes() == 2 || bytes() == 4) && start() % bytes() == 0;
            return legal
                    ? window(bar.value()).filter(w -> start() + bytes() <= windowSize(bar.value()))
                    : Optional.empty();
        }

        private long start() {
            return offset.value() & 0xFFFF_FFFFL;
        }

        private int bytes() {
            return length.value();
        }

        private long mask() {
            return (1L << 8 * bytes()) - 1;
        }
    }

    // Device

    @Override
    public void reset() {
        super.reset();
        generation = 0;
        resetDevice();
        device.reset();
    }

    public State save() {
        return new State(
                saveFunction(),
                device.config.save(),
                deviceFeatureSelect,
                driverFeatureSelect,
                driverFeatures,
                status,
                generation,
                queueSelect,
                configVector,
                isr,
                queues.stream().map(VirtQueue::save).toList(),
                device.save());
    }

    public void restore(State state) {
        switch (state) {
            case State(
                            var function,
                            var registers,
                            var deviceSelect,
                            var driverSelect,
                            var features,
                            var savedStatus,
                            var count,
                            var queue,
                            var vector,
                            var pending,
                            var rings,
                            var kind) -> {
                device.config.restore(registers);
                deviceFeatureSelect = deviceSelect;
                driverFeatureSelect = driverSelect;
                driverFeatures = features;
                status = savedStatus;
                generation = count;
                queueSelect = queue;
                configVector = vector;
                isr = pending;
                for (int i = 0; i < queues.size(); i++) {
                    queues.get(i).restore(rings.get(i));
                    queues.get(i).negotiate(features);
                }
                device.restore(kind);
                restoreFunction(function);
            }
        }
    }
}
