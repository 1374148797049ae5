//! Values without their types, as generated code sees them.

/// A wasm value of a type that is known from elsewhere. 16 bytes; which of them count depends on
/// the type.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct ValRaw([u8; 16]);

macro_rules! accessors {
    ($($(#[$doc:meta])* $make:ident $get:ident $ty:ty;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $make(value: $ty) -> ValRaw {
            let mut raw = [0; 16];
            raw[..size_of::<$ty>()].copy_from_slice(&value.to_le_bytes());
            ValRaw(raw)
        }

        /// The value, if that is its type; some number if it is not.
        #[inline]
        pub fn $get(&self) -> $ty {
            <$ty>::from_le_bytes(self.0[..size_of::<$ty>()].try_into().expect("sizes agree"))
        }
    )*};
}

impl ValRaw {
    accessors! {
        /// An `i32`.
        i32 get_i32 i32;
        /// An `i32`, seen without a sign.
        u32 get_u32 u32;
        /// An `i64`.
        i64 get_i64 i64;
        /// An `i64`, seen without a sign.
        u64 get_u64 u64;
        /// The bits of an `f32`.
        f32 get_f32 u32;
        /// The bits of an `f64`.
        f64 get_f64 u64;
        /// A `v128`.
        v128 get_v128 u128;
        /// An `externref`; 0 is null.
        externref get_externref u32;
        /// An `anyref`; 0 is null.
        anyref get_anyref u32;
        /// An `exnref`; 0 is null.
        exnref get_exnref u32;
    }

    /// A `funcref`.
    #[inline]
    pub fn funcref(value: *mut std::ffi::c_void) -> ValRaw {
        ValRaw::u64(value as u64)
    }

    /// The function, if that is its type.
    #[inline]
    pub fn get_funcref(&self) -> *mut std::ffi::c_void {
        self.get_u64() as *mut std::ffi::c_void
    }

    /// The null of every reference type, and the zero of every number type.
    #[inline]
    pub fn null() -> ValRaw {
        ValRaw([0; 16])
    }
}

impl std::fmt::Debug for ValRaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValRaw({:#x})", self.get_v128())
    }
}
