package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.devicemodel.Hypercall;
import nestbox.hypervisor.devicemodel.MemoryRegion;
import nestbox.hypervisor.devicemodel.ServiceMemory;
import nestbox.hypervisor.devicemodel.Status;
import nestbox.hypervisor.devicemodel.VcpuRegisters;
import nestbox.hypervisor.devicemodel.VmCreation;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/// VMCALL of a virtual machine: what the Service VM can ask of L0. R8 holds the number, RDI and RSI
/// the parameters, RAX gets the result.
///
/// Virtual machines are named by their distance from the Service VM. Structures are copied before
/// they are looked at, so that nobody changes them meanwhile.
final class Hypercalls {
    private static final int RAX = 0;
    private static final int RSI = 6;
    private static final int RDI = 7;
    private static final int R8 = 8;
    private static final int MAJOR = 1;
    private static final int MINOR = 0;
    private static final int ID = 0xFFFF;

    // The list of memory regions
    private static final int BATCH_BYTES = 24;
    private static final int BATCH_COUNT = 8;
    private static final int BATCH_LIST = 16;

    // What power states a vCPU has
    private static final int POWER_TYPE = 0xFF;
    private static final int POWER_TYPES = 4;
    private static final int POWER_VM = 24;

    private final Vcpu vcpu;
    private final VmxRoot root;
    private final ServiceMemory memory;

    Hypercalls(Vcpu vcpu) {
        this.vcpu = vcpu;
        root = vcpu.root();
        memory = new ServiceMemory(vcpu.vm().machine().memory(), vcpu.vm().memory());
    }

    Resume call() {
        if (!vcpu.vm().plan().vm().isService()) {
            throw GuestException.undefined();
        }
        if (AccessRights.dpl(root.vmread(VmcsField.GUEST_SS_ACCESS_RIGHTS)) != 0) {
            throw GuestException.generalProtection();
        }
        Optional<Status> result =
                Hypercall.of(root.register(R8))
                        .map(call -> answer(call, root.register(RDI), root.register(RSI)))
                        .orElse(Optional.of(Status.INVALID));
        if (result.isEmpty()) {
            return vcpu.await(ExitReason.VMCALL, () -> true);
        }
        root.register(RAX, result.get().value());
        return Resume.NEXT_INSTRUCTION;
    }

    private PostLaunchedVms vms() {
        return vcpu.vm().launches();
    }

    /// @return nothing if it has to be asked again, when a processor has left its guest
    private Optional<Status> answer(Hypercall call, long first, long second) {
        return switch (call) {
            case OFFLINE_CPU -> vms().offline(first, vcpu);
            case PAUSE_VM -> {
                Optional<PostLaunchedVm> vm = vm(first);
                Status status = vm.map(PostLaunchedVm::pause).orElse(Status.INVALID);
                yield vm.filter(each -> !each.isAtRest()).isPresent()
                        ? Optional.empty()
                        : Optional.of(status);
            }
            case DESTROY_VM -> atRest(first, PostLaunchedVm::destroy);
            case RESET_VM -> atRest(first, PostLaunchedVm::reset);
            default -> Optional.of(immediate(call, first, second));
        };
    }

    private Status immediate(Hypercall call, long first, long second) {
        return switch (call) {
            case API_VERSION -> apiVersion(first);
            case SET_CALLBACK_VECTOR -> vms().callbackVector(first);
            case CREATE_VM -> create(first);
            case START_VM -> with(first, PostLaunchedVm::start);
            // They are there with their virtual machine.
            case CREATE_VCPU -> with(first, _ -> Status.DONE);
            case SET_VCPU_REGISTERS -> with(first, vm -> registers(vm, second));
            case INJECT_MSI -> with(first, vm -> inject(vm, second));
            case SET_IRQ_LINE ->
                    with(first, vm -> vm.line((int) second, (int) (second >>> Integer.SIZE)));
            case SET_IO_REQUEST_BUFFER -> with(first, vm -> buffer(vm, second));
            case NOTIFY_REQUEST_FINISHED -> with(first, vm -> vm.finished((int) second & ID));
            case TRANSLATE -> translate(first, second);
            case SET_MEMORY_REGIONS -> regions(first);
            case WRITE_PROTECT_PAGE -> with(first, vm -> writeProtect(vm, second));
            case ASSIGN_DEVICE_OLD,
                    DEASSIGN_DEVICE_OLD,
                    SET_DEVICE_INTERRUPT,
                    RESET_DEVICE_INTERRUPT,
                    ASSIGN_PCI_DEVICE,
                    DEASSIGN_PCI_DEVICE,
                    ASSIGN_MMIO_DEVICE,
                    DEASSIGN_MMIO_DEVICE,
                    ADD_VIRTUAL_DEVICE,
                    REMOVE_VIRTUAL_DEVICE ->
                    refuse(call);
            case HARDWARE_INFORMATION -> hardware(first);
            case CPU_POWER_STATE -> powerState(first);
            case OFFLINE_CPU, PAUSE_VM, DESTROY_VM, RESET_VM -> throw new AssertionError(call);
        };
    }

    // Addressees

    private Optional<PostLaunchedVm> vm(long id) {
        return vms().find(vcpu.vm().id() + (int) (id & ID));
    }

    private Status with(long id, Function<PostLaunchedVm, Status> what) {
        return vm(id).map(what).orElse(Status.INVALID);
    }

    /// For what needs a virtual machine whose vCPUs have left their guests.
    private Optional<Status> atRest(long id, Function<PostLaunchedVm, Status> what) {
        boolean leaving =
                vm(id).filter(vm -> vm.vm().state() != VmState.RUNNING)
                        .filter(vm -> !vm.isAtRest())
                        .isPresent();
        return leaving ? Optional.empty() : Optional.of(with(id, what));
    }

    // Calls about the board

    private Status apiVersion(long address) {
        ByteBuffer version = ServiceMemory.structure(2 * Integer.BYTES);
        version.putInt(MAJOR).putInt(MINOR);
        return memory.write(address, version) ? Status.DONE : Status.FAULT;
    }

    private Status hardware(long address) {
        ByteBuffer information = ServiceMemory.structure(Long.BYTES);
        information.putShort((short) vcpu.vm().machine().processors().size());
        return memory.write(address, information) ? Status.DONE : Status.FAULT;
    }

    /// L0 tells guests of no power states of processors.
    private Status powerState(long command) {
        boolean known = (command & POWER_TYPE) < POWER_TYPES;
        boolean addressed = vm(command >>> POWER_VM & 0xFF).isPresent();
        return known && addressed ? Status.NOT_NOW : Status.INVALID;
    }

    private Status refuse(Hypercall call) {
        vms().refuse(
                        "post-launched VMs have no devices of the board and none of L0 (%s)"
                                .formatted(call));
        return Status.INVALID;
    }

    // Calls about a virtual machine

    private Status create(long address) {
        Optional<ByteBuffer> structure = memory.read(address, VmCreation.SIZE);
        if (structure.isEmpty() || !memory.write(address, structure.get())) {
            return Status.FAULT;
        }
        ByteBuffer answer = structure.get();
        Status status =
                switch (vms().create(VmCreation.of(answer))) {
                    case PostLaunchedVms.Creation.Made(PostLaunchedVm made) -> {
                        int id = made.vm().id() - vcpu.vm().id();
                        VmCreation.created(answer, id, made.vm().vcpus().size());
                        yield Status.DONE;
                    }
                    case PostLaunchedVms.Creation.Refused(Status refused) -> {
                        VmCreation.refused(answer);
                        yield refused;
                    }
                };
        memory.write(address, answer);
        return status;
    }

    private Status registers(PostLaunchedVm vm, long address) {
        return memory.read(address, VcpuRegisters.SIZE)
                .map(structure -> vm.registers(VcpuRegisters.of(structure)))
                .orElse(Status.FAULT);
    }

    private Status inject(PostLaunchedVm vm, long address) {
        return memory.read(address, 2 * Long.BYTES)
                .map(entry -> vm.inject(entry.getLong(0), entry.getLong(Long.BYTES)))
                .orElse(Status.FAULT);
    }

    private Status buffer(PostLaunchedVm vm, long address) {
        OptionalLong page =
                memory.read(address, Long.BYTES).stream()
                        .mapToLong(structure -> structure.getLong(0))
                        .findFirst();
        if (page.isEmpty()) {
            return Status.FAULT;
        }
        OptionalLong host = memory.page(page.getAsLong());
        return host.isEmpty() ? Status.INVALID : vm.buffer(host.getAsLong());
    }

    /// For the Service VM itself, too.
    private Status translate(long id, long address) {
        Optional<ByteBuffer> read = memory.read(address, 2 * Long.BYTES);
        if (read.isEmpty()) {
            return Status.FAULT;
        }
        ByteBuffer structure = read.get();
        long wanted = structure.getLong(0);
        OptionalLong host =
                (id & ID) == 0
                        ? vcpu.vm().memory().leaf(wanted).stream()
                                .mapToLong(leaf -> leaf.host(wanted))
                                .findFirst()
                        : vm(id).map(vm -> vm.translate(wanted)).orElse(OptionalLong.empty());
        if (host.isEmpty()) {
            return Status.INVALID;
        }
        structure.putLong(Long.BYTES, host.getAsLong());
        return memory.write(address, structure) ? Status.DONE : Status.FAULT;
    }

    private Status writeProtect(PostLaunchedVm vm, long address) {
        return memory.read(address, 2 * Long.BYTES)
                .map(page -> vm.writable(page.getLong(Long.BYTES), page.get(0) == 0))
                .orElse(Status.FAULT);
    }

    /// No more regions than the board has pages, and not more memory than it has: so the call
    /// ends soon.
    private Status regions(long address) {
        Optional<ByteBuffer> batch = memory.read(address, BATCH_BYTES);
        if (batch.isEmpty()) {
            return Status.FAULT;
        }
        Optional<PostLaunchedVm> vm = vm(batch.get().getShort(0));
        long count = batch.get().getInt(BATCH_COUNT) & 0xFFFF_FFFFL;
        long left = vcpu.vm().machine().memory().size();
        if (vm.isEmpty() || count > left / GuestMemory.PAGE_SIZE) {
            return Status.INVALID;
        }
        long list = batch.get().getLong(BATCH_LIST);
        for (long i = 0; i < count; i++) {
            Optional<ByteBuffer> read =
                    memory.read(list + i * MemoryRegion.SIZE, MemoryRegion.SIZE);
            if (read.isEmpty()) {
                return Status.FAULT;
            }
            MemoryRegion region = MemoryRegion.of(read.get(), 0);
            if (region.length() < 0 || region.length() > left) {
                return Status.INVALID;
            }
            left -= region.length();
            Status status = vm.get().change(region, vcpu.vm().memory());
            if (status != Status.DONE) {
                return status;
            }
        }
        return Status.DONE;
    }
}
