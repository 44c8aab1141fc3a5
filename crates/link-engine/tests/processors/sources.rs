//! A program, the libraries that it uses, and what it prints.

/// As rustc 1.95 writes it for all of these processors, less the crates behind std and
/// the directories of rustc. `LLD` is in the place of the arguments that choose lld.
pub(crate) const LINE: &str = "app.rcgu.o -Wl,--as-needed -Wl,-Bstatic libuser-1.rlib libdep-1.rlib \
    libstd-2.rlib -Wl,-Bdynamic -lgcc_s -lc LLD -Wl,--eh-frame-hdr -Wl,-z,noexecstack -o app \
    -Wl,--gc-sections -pie -Wl,-z,relro,-z,now -nodefaultlibs";

pub(crate) const STD: &str = "int std_function(void) { return 7; }";

/// Hidden symbols, data, a thread local, what the executable has to define, and names as rustc
/// mangles them.
pub(crate) const DEP: &str = r#"
    int placed_data __asm__("_RNvCs1_3dep4data") = 8;
    int placed(int) __asm__("_RNvCs1_3dep6placed");
    int placed(int value) { return value + placed_data; }
    int *placed_address(void) __asm__("_RNvCs1_3dep7address");
    int *placed_address(void) { return &placed_data; }
    int callback(int);
    extern int optional(void) __attribute__((weak));
    int counter = 40;
    __thread int per_thread = 1;
    __attribute__((visibility("hidden"))) int hidden_data = 5;
    __attribute__((visibility("hidden"), noinline)) int hidden_function(int value) {
        return value + hidden_data;
    }
    CONVENTION double unusual(double value) { return value * 2; }
    __thread int own_local = 1;
    int next_local(void) { return ++own_local; }
    int *counter_address(void) { return &counter; }
    void *function_address(void) { return (void *)hidden_function; }
    int dep(int value) {
        return callback(value) + counter + hidden_function(0) + (optional ? optional() : 0);
    }
"#;

/// Refers to hidden symbols as Rust code does: without knowing that they are.
pub(crate) const USER: &str = r#"
    extern int hidden_data, counter;
    extern __thread int per_thread;
    int hidden_function(int);
    int dep(int);
    int std_function(void);
    int user(int value) {
        counter += per_thread;
        hidden_data += 1;
        return dep(value) + hidden_function(1000) + std_function();
    }
"#;

pub(crate) const PROGRAM: &str = r#"
    #include <stdio.h>
    extern int counter;
    extern __thread int per_thread;
    int hidden_function(int);
    int user(int);
    int *counter_address(void);
    void *function_address(void);
    CONVENTION double unusual(double);
    int next_local(void);
    extern int placed_data __asm__("_RNvCs1_3dep4data");
    int placed(int) __asm__("_RNvCs1_3dep6placed");
    int *placed_address(void) __asm__("_RNvCs1_3dep7address");
    int *volatile reference = &placed_data;
    int (*volatile call)(int) = placed;
    int *(*volatile address)(void) = placed_address;
    int callback(int value) { return value * 2; }
    int main(void) {
        per_thread = 3;
        printf("%d %d\n", user(1), counter);
        printf("%d\n", counter_address() == &counter);
        printf("%d\n", function_address() == (void *)hidden_function);
        printf("%g\n", unusual(1.5));
        placed_data += 1;
        printf("%d %d\n", call(1), address() == reference);
        printf("%d %d\n", placed(2), placed_address() == reference);
        printf("%d\n", next_local());
        return 0;
    }
"#;

/// The output of a static executable: `user` returns 2 + 43 + 6 + 1006 + 7.
pub(crate) const PRINTED: &str = "1064 43\n1\n1\n3\n10 1\n11 1\n2\n";

/// Definitions with names of a private function and a private thread local of the group.
pub(crate) const PRELOADED: &str = "
    double unusual(double value) { return 0; }
    __thread int own_local = 70;
";

/// A library to which the loader tells each call through the procedure linkage table
/// (rtld-audit(7)). The function that it calls for that has another name on each processor. For such
/// a library, glibc fills the slots at the first call.
pub(crate) const AUDIT: &str = r#"
    #include <elf.h>
    #include <stdint.h>
    unsigned la_version(unsigned version) { return version; }
    unsigned la_objopen(void *map, long lmid, uintptr_t *cookie) { return 3; }
    Elf64_Addr PLTENTER(Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to,
                        void *registers, unsigned *flags, const char *name, long *size) {
        return symbol->st_value;
    }
"#;
