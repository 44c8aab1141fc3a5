#include <stdint.h>

/* One counter in the process. */
static uint64_t calls;

/* For this library alone. */
__attribute__((visibility("hidden"))) uint64_t native_flip(uint64_t number)
{
    return ~number;
}

uint64_t native_carry(uint64_t number)
{
    __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    return native_flip(native_flip(number));
}

uint64_t native_calls(void)
{
    return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}
