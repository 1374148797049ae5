//! Opcodes, by their names in the processor's manual.

/// Legacy prefix (0 for none), opcode map (0, or 1 to 3 for `0F`, `0F 38`, `0F 3A`) and byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Op {
    pub(crate) prefix: u8,
    pub(crate) map: u8,
    pub(crate) code: u8,
}

/// One byte.
pub(crate) const fn one(code: u8) -> Op {
    Op {
        prefix: 0,
        map: 0,
        code,
    }
}

/// After `0F`.
const fn m1(prefix: u8, code: u8) -> Op {
    Op {
        prefix,
        map: 1,
        code,
    }
}

/// After `0F 38`.
const fn m2(prefix: u8, code: u8) -> Op {
    Op {
        prefix,
        map: 2,
        code,
    }
}

/// After `0F 3A`.
const fn m3(prefix: u8, code: u8) -> Op {
    Op {
        prefix,
        map: 3,
        code,
    }
}

macro_rules! ops {
    ($($name:ident = $form:ident($($arg:literal),*);)*) => {
        $(pub(crate) const $name: Op = $form($($arg),*);)*
    };
}

ops! {
    MOV_LOAD = one(0x8b);
    MOV_STORE = one(0x89);
    MOV_STORE8 = one(0x88);
    MOVZX8 = m1(0, 0xb6);
    MOVZX16 = m1(0, 0xb7);
    MOVSX8 = m1(0, 0xbe);
    MOVSX16 = m1(0, 0xbf);
    MOVSXD = one(0x63);
    LEA = one(0x8d);
    TEST = one(0x85);
    IMUL = m1(0, 0xaf);
    BSF = m1(0, 0xbc);
    BSR = m1(0, 0xbd);
    TZCNT = m1(0xf3, 0xbc);
    LZCNT = m1(0xf3, 0xbd);
    POPCNT = m1(0xf3, 0xb8);
    SHLX = m2(0x66, 0xf7);
    SARX = m2(0xf3, 0xf7);
    SHRX = m2(0xf2, 0xf7);

    MOVAPS = m1(0, 0x28);
    MOVUPS = m1(0, 0x10);
    MOVUPS_STORE = m1(0, 0x11);
    MOVSS = m1(0xf3, 0x10);
    MOVSS_STORE = m1(0xf3, 0x11);
    MOVSD = m1(0xf2, 0x10);
    MOVSD_STORE = m1(0xf2, 0x11);
    MOVD_LOAD = m1(0x66, 0x6e);
    MOVD_STORE = m1(0x66, 0x7e);
    ADDSS = m1(0xf3, 0x58);
    ADDSD = m1(0xf2, 0x58);
    SUBSS = m1(0xf3, 0x5c);
    SUBSD = m1(0xf2, 0x5c);
    MULSS = m1(0xf3, 0x59);
    MULSD = m1(0xf2, 0x59);
    DIVSS = m1(0xf3, 0x5e);
    DIVSD = m1(0xf2, 0x5e);
    SQRTSS = m1(0xf3, 0x51);
    SQRTSD = m1(0xf2, 0x51);
    MINSS = m1(0xf3, 0x5d);
    MINSD = m1(0xf2, 0x5d);
    MAXSS = m1(0xf3, 0x5f);
    MAXSD = m1(0xf2, 0x5f);
    ANDPS = m1(0, 0x54);
    ANDNPS = m1(0, 0x55);
    ORPS = m1(0, 0x56);
    XORPS = m1(0, 0x57);
    UCOMISS = m1(0, 0x2e);
    UCOMISD = m1(0x66, 0x2e);
    CVTSS2SD = m1(0xf3, 0x5a);
    CVTSD2SS = m1(0xf2, 0x5a);
    CVTSI2SS = m1(0xf3, 0x2a);
    CVTSI2SD = m1(0xf2, 0x2a);
    CVTTSS2SI = m1(0xf3, 0x2c);
    CVTTSD2SI = m1(0xf2, 0x2c);
    ROUNDSS = m3(0x66, 0x0a);
    ROUNDSD = m3(0x66, 0x0b);
}

/// Arithmetic that has all forms of operands, by its number in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Alu {
    Add = 0,
    Or = 1,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts and rotations, by their number in the instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Shift {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// Conditions, by their number in the instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Cond {
    Overflow = 0,
    Below = 2,
    AboveEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowEqual = 6,
    Above = 7,
    Sign = 8,
    NotSign = 9,
    Parity = 10,
    NotParity = 11,
    Less = 12,
    GreaterEqual = 13,
    LessEqual = 14,
    Greater = 15,
}

impl Cond {
    const ALL: [Cond; 16] = [
        Cond::Overflow,
        Cond::Overflow,
        Cond::Below,
        Cond::AboveEqual,
        Cond::Equal,
        Cond::NotEqual,
        Cond::BelowEqual,
        Cond::Above,
        Cond::Sign,
        Cond::NotSign,
        Cond::Parity,
        Cond::NotParity,
        Cond::Less,
        Cond::GreaterEqual,
        Cond::LessEqual,
        Cond::Greater,
    ];

    /// What holds when this does not.
    pub(crate) fn inverted(self) -> Cond {
        debug_assert_ne!(self, Cond::Overflow, "nothing asks for no overflow");
        Cond::ALL[(self as u8 ^ 1) as usize]
    }

    /// What holds of the operands the other way round.
    pub(crate) fn swapped(self) -> Cond {
        match self {
            Cond::Below => Cond::Above,
            Cond::Above => Cond::Below,
            Cond::AboveEqual => Cond::BelowEqual,
            Cond::BelowEqual => Cond::AboveEqual,
            Cond::Less => Cond::Greater,
            Cond::Greater => Cond::Less,
            Cond::GreaterEqual => Cond::LessEqual,
            Cond::LessEqual => Cond::GreaterEqual,
            other => other,
        }
    }
}
