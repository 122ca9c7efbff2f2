package nestbox.cpu.core;

import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

/// What a board's processors share: memory, devices, decoded code.
public record Bus(GuestMemory memory, MmioSpace mmio, PortSpace ports, BlockCache code) {}
