package nestbox.app.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Puts together multiboot kernels of a few instructions, in 32-bit machine code.
class GuestProgram {
    private static final int LOAD = 0x10_0000;
    private static final int HEADER_SIZE = 32;
    private static final int COM1 = 0x3F8;
    private static final int LINE_STATUS = 0x3FD;
    private static final int COUNTER = 0x500;
    private static final int LOW_CODE = 0x8000;

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();

    final GuestProgram bytes(int... values) {
        for (int value : values) {
            code.write(value);
        }
        return this;
    }

    /// mov dx, port; mov al, value; out dx, al
    GuestProgram out(int port, int value) {
        return bytes(0x66, 0xBA, port & 0xFF, port >> 8, 0xB0, value, 0xEE);
    }

    /// mov dx, port; mov ax, value; out dx, ax
    GuestProgram outWord(int port, int value) {
        return bytes(0x66, 0xBA, port & 0xFF, port >> 8)
                .bytes(0x66, 0xB8, value & 0xFF, value >> 8, 0x66, 0xEF);
    }

    GuestProgram print(String text) {
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            out(COM1, value & 0xFF);
        }
        return this;
    }

    GuestProgram exit(int value) {
        return out(0xF4, value);
    }

    /// jmp $
    GuestProgram spin() {
        return bytes(0xEB, 0xFE);
    }

    /// cli; hlt
    GuestProgram halt() {
        return bytes(0xFA, 0xF4);
    }

    /// lidt of a table without entries, which is six zeroes in unused memory; int3
    GuestProgram tripleFault() {
        return bytes(0x0F, 0x01, 0x1D, 0, 0x06, 0, 0, 0xCC);
    }

    /// Counts the boots in a byte that a reset leaves alone, prints it as a digit, and resets the
    /// machine until there have been three.
    GuestProgram threeBoots() {
        bytes(0xFE, 0x05, COUNTER & 0xFF, COUNTER >> 8, 0, 0); // inc byte [COUNTER]
        bytes(0xA0, COUNTER & 0xFF, COUNTER >> 8, 0, 0); // mov al, [COUNTER]
        bytes(0x04, '0'); // add al, '0'
        bytes(0x66, 0xBA, COM1 & 0xFF, COM1 >> 8, 0xEE); // mov dx, COM1; out dx, al
        bytes(0x3C, '3', 0x74, 9); // cmp al, '3'; je past the reset
        return out(0xCF9, 6).spin();
    }

    /// Sends back what comes in, up to and with a `q`.
    GuestProgram echo() {
        bytes(0x66, 0xBA, LINE_STATUS & 0xFF, LINE_STATUS >> 8); // mov dx, LINE_STATUS
        bytes(0xEC, 0xA8, 1, 0x74, -9 & 0xFF); // in al, dx; test al, 1; jz back
        bytes(0x66, 0xBA, COM1 & 0xFF, COM1 >> 8); // mov dx, COM1
        return bytes(0xEC, 0xEE, 0x3C, 'q', 0x75, -19 & 0xFF); // in; out; cmp al, 'q'; jne
    }

    /// Sends so many `x`: mov ecx, count; mov dx, COM1; mov al, 'x'; out dx, al; loop back
    GuestProgram flood(int count) {
        bytes(0xB9).word(count).bytes(0x66, 0xBA, COM1 & 0xFF, COM1 >> 8, 0xB0, 'x');
        return bytes(0xEE, 0xE2, -3 & 0xFF);
    }

    /// Prints the command line, whose address is in the information that the boot loader leaves at
    /// EBX: mov esi, [ebx+16]; mov dx, COM1; lodsb; test al, al; jz past; out dx, al; jmp back
    GuestProgram printCommandLine() {
        bytes(0x8B, 0x73, 16, 0x66, 0xBA, COM1 & 0xFF, COM1 >> 8);
        return bytes(0xAC, 0x84, 0xC0, 0x74, 3, 0xEE, 0xEB, -8 & 0xFF);
    }

    /// mov ecx, count; loop itself
    GuestProgram pause(int count) {
        return bytes(0xB9).word(count).bytes(0xE2, -2 & 0xFF);
    }

    /// Looks for four letters in the memory where firmware tables are, and stays there if they
    /// aren't: mov esi, start; cmp [esi], letters; je past; inc esi; cmp esi, end; jne back; jmp $
    GuestProgram findInTables(String letters) {
        bytes(0xBE).word(0xE_0000).bytes(0x81, 0x3E);
        for (byte letter : letters.getBytes(StandardCharsets.US_ASCII)) {
            bytes(letter);
        }
        bytes(0x74, 11, 0x46, 0x81, 0xFE).word(LOAD);
        return bytes(0x75, -17 & 0xFF).spin();
    }

    /// Goes to real-address mode and calls INT 15h, which is not there and must say so; then exits
    /// with the KiB that INT 12h tells, shifted right by 2.
    GuestProgram callFirmware() {
        GuestProgram descriptors =
                new GuestProgram().word(0).word(0).bytes(0xFF, 0xFF, 0, 0, 0, 0x9B, 0, 0);
        GuestProgram gdtr = new GuestProgram().bytes(15, 0).word(place(descriptors));
        int table = place(gdtr);
        GuestProgram realMode = callFirmware16();
        int size = realMode.code.size();
        int from = place(realMode);
        bytes(0xFC); // cld
        bytes(0xBE).word(from).bytes(0xBF).word(LOW_CODE); // mov esi, from; mov edi, LOW_CODE
        bytes(0xB9).word(size).bytes(0xF3, 0xA4); // mov ecx, size; rep movsb
        bytes(0x0F, 0x01, 0x15).word(table); // lgdt [table]
        return bytes(0xEA).word(LOW_CODE).bytes(8, 0); // jmp 8:LOW_CODE
    }

    private static GuestProgram callFirmware16() {
        return new GuestProgram()
                .bytes(0x0F, 0x20, 0xC0, 0x24, 0xFE, 0x0F, 0x22, 0xC0) // cr0.PE = 0
                .bytes(0xEA, 0x0D, LOW_CODE >> 8, 0, 0) // jmp 0:next
                .bytes(0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xD0) // xor ax, ax; mov ds, ax; mov ss, ax
                .bytes(0xBC, 0, 0x70) // mov sp, 7000h
                .bytes(0x0F, 0x01, 0x1E, 0x2E, LOW_CODE >> 8) // lidt [vectors]
                .bytes(0xB8, 0x20, 0xE8, 0xCD, 0x15) // mov ax, E820h; int 15h
                .bytes(0x73, 0x0A) // jnc exit
                .bytes(0x80, 0xFC, 0x86, 0x75, 0x05) // cmp ah, 86h; jne exit
                .bytes(0xCD, 0x12, 0xC1, 0xE8, 0x02) // int 12h; shr ax, 2
                .bytes(0xE6, 0xF4) // exit: out F4h, al
                .bytes(0xFF, 0x03, 0, 0, 0, 0); // vectors: limit and base
    }

    final GuestProgram word(int value) {
        return bytes(value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF, value >>> 24);
    }

    /// mov dword [address], value
    final GuestProgram store(int address, int value) {
        return bytes(0xC7, 0x05).word(address).word(value);
    }

    /// Code that is only jumped to: jmp past it.
    ///
    /// @return where it lies
    final int place(GuestProgram block) {
        bytes(0xE9).word(block.code.size());
        int address = LOAD + HEADER_SIZE + code.size();
        code.writeBytes(block.code.toByteArray());
        return address;
    }

    byte[] kernel() {
        int flags = 1 << 16;
        ByteBuffer file =
                ByteBuffer.allocate(HEADER_SIZE + code.size()).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0x1BAD_B002).putInt(flags).putInt(-0x1BAD_B002 - flags);
        file.putInt(LOAD).putInt(LOAD).putInt(0).putInt(0).putInt(LOAD + HEADER_SIZE);
        return file.put(code.toByteArray()).array();
    }

    String write(Path folder) throws IOException {
        return write(folder, "guest.bin");
    }

    String write(Path folder, String name) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, kernel());
        return file.toString();
    }
}
