package nestbox.console.subject;

import nestbox.x86.vmx.VmcsField;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/// The contents of a VMCS at one moment.
///
/// @param address of its region: host-physical, for VMCS12 guest-physical
/// @param fields those that the processor has, with their values, in the manual's order
public record VmcsDump(long address, Map<VmcsField, Long> fields) {
    public VmcsDump {
        Map<VmcsField, Long> ordered = new EnumMap<>(VmcsField.class);
        ordered.putAll(fields);
        fields = Collections.unmodifiableMap(ordered);
    }
}
