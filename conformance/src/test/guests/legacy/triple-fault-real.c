/* An interrupt table without room for any vector leaves real mode only shutdown: @ends reset. */
#include "guest.h"

void program(void)
{
    check("before", true);
    run_code(real_mode(), CODE16("lidt cs:[2f]\nint 0x60\n2: .short 0\n.long 0"));
    check("still running", false);
}
