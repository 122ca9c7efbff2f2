package nestbox.x86;

/// Virtual-machine extensions.
public enum VmxOp implements Op {
    VMXON,
    VMXOFF,
    VMCLEAR,
    VMPTRLD,
    VMPTRST,
    VMREAD,
    VMWRITE,
    VMLAUNCH,
    VMRESUME,
    VMCALL,
    VMFUNC,
    INVEPT,
    INVVPID,
}
