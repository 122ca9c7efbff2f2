package nestbox.cpu.model;

import nestbox.x86.Cpuid;

/// State components that XSAVE manages beyond the legacy region, with their place in the standard
/// format. SDM Vol. 1, "XSAVE-Supported Features and State-Component Bitmaps", and what Intel's
/// processors report in CPUID leaf 0xD.
public enum XsaveComponent {
    // spotless:off
    AVX(2, 576, 256, Cpuid.AVX),
    BNDREGS(3, 960, 64, Cpuid.MPX),
    BNDCSR(4, 1024, 64, Cpuid.MPX),
    OPMASK(5, 1088, 64, Cpuid.AVX512F),
    ZMM_HI256(6, 1152, 512, Cpuid.AVX512F),
    HI16_ZMM(7, 1664, 1024, Cpuid.AVX512F),
    PKRU(9, 2688, 8, Cpuid.PKU),
    HDC(13, 0, 8, Cpuid.HDC);
    // spotless:on

    /// Bytes of the legacy region and the XSAVE header, which every area has.
    public static final int HEADER_END = 576;

    /// Bits 0 and 1, x87 and SSE: managed wherever XSAVE is.
    public static final long LEGACY = 0b11;

    private final int bit;
    private final int offset;
    private final int size;
    private final Cpuid feature;

    XsaveComponent(int bit, int offset, int size, Cpuid feature) {
        this.bit = bit;
        this.offset = offset;
        this.size = size;
        this.feature = feature;
    }

    /// Its bit in XCR0 and in the XSAVE header, and its subleaf of CPUID leaf 0xD.
    public int bit() {
        return bit;
    }

    /// Whether it is managed by IA32_XSS, not by XCR0. It has no place in the standard format.
    boolean isSupervisor() {
        return offset == 0;
    }

    /// From the start of an area in standard format.
    public int offset() {
        return offset;
    }

    public int size() {
        return size;
    }

    /// The feature that brings it.
    public Cpuid feature() {
        return feature;
    }

    boolean in(long bitmap) {
        return (bitmap >>> bit & 1) != 0;
    }
}
