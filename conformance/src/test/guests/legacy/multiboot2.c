/* What a multiboot 2 loader leaves: @multiboot 2. Multiboot2 Specification 2.0, "Boot information format". */
#include "guest.h"

extern u8 image_end[];

static u8 information[8192] __attribute__((aligned(8)));

void before_start(void)
{
    u32 size = *(u32 *)boot_information;
    memcpy(information, (void *)boot_information, size < sizeof information ? size : sizeof information);
}

void program(void)
{
    check_equal("EAX", boot_magic, 0x36d76289);
    check_equal("the information is aligned to 8", boot_information & 7, 0);
    u32 size = *(u32 *)information;
    check("the information has a size", size >= 16 && size <= sizeof information);
    bool end = false, map = false, contains = false, basic = false;
    for (u32 at = (u32)information + 8; at < (u32)information + size && !end;) {
        u32 type = ((u32 *)at)[0], length = ((u32 *)at)[1];
        if (type == 0) {
            check_equal("the last tag has 8 bytes", length, 8);
            end = true;
        } else if (type == 4) {
            basic = ((u32 *)at)[3] > 120 * 1024;
        } else if (type == 6) {
            map = true;
            u32 entry = ((u32 *)at)[2];
            for (u32 e = at + 16; e < at + length; e += entry)
                contains |= *(u32 *)(e + 16) == 1 && *(u64 *)e <= 0x100000 && *(u64 *)e + *(u64 *)(e + 8) >= (u32)image_end;
        }
        if (length < 8)
            break;
        at += (length + 7) & ~7u;
    }
    check("the tags end", end);
    check("basic memory information", basic);
    check("a memory map", map);
    check("the map says RAM for this program", contains);
}
