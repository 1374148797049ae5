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
    XADD = m1(0, 0xc1);
    XADD8 = m1(0, 0xc0);
    CMPXCHG = m1(0, 0xb1);
    CMPXCHG8 = m1(0, 0xb0);
    XCHG = one(0x87);
    XCHG8 = one(0x86);

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

    PSHUFLW = m1(0xf2, 0x70);
    PSHUFD = m1(0x66, 0x70);
    SHUFPS = m1(0, 0xc6);
    UNPCKLPS = m1(0, 0x14);
    MOVLHPS = m1(0, 0x16);
    PSHUFB = m2(0x66, 0x00);
    PADDB = m1(0x66, 0xfc);
    PADDW = m1(0x66, 0xfd);
    PADDD = m1(0x66, 0xfe);
    PADDQ = m1(0x66, 0xd4);
    PSUBB = m1(0x66, 0xf8);
    PSUBW = m1(0x66, 0xf9);
    PSUBD = m1(0x66, 0xfa);
    PSUBQ = m1(0x66, 0xfb);
    PADDSB = m1(0x66, 0xec);
    PADDSW = m1(0x66, 0xed);
    PADDUSB = m1(0x66, 0xdc);
    PADDUSW = m1(0x66, 0xdd);
    PSUBSB = m1(0x66, 0xe8);
    PSUBSW = m1(0x66, 0xe9);
    PSUBUSB = m1(0x66, 0xd8);
    PSUBUSW = m1(0x66, 0xd9);
    PMULLW = m1(0x66, 0xd5);
    PMULLD = m2(0x66, 0x40);
    PMULDQ = m2(0x66, 0x28);
    PMULUDQ = m1(0x66, 0xf4);
    PMULHRSW = m2(0x66, 0x0b);
    PMADDWD = m1(0x66, 0xf5);
    PMADDUBSW = m2(0x66, 0x04);
    PMINSB = m2(0x66, 0x38);
    PMINUB = m1(0x66, 0xda);
    PMAXSB = m2(0x66, 0x3c);
    PMAXUB = m1(0x66, 0xde);
    PMINSW = m1(0x66, 0xea);
    PMINUW = m2(0x66, 0x3a);
    PMAXSW = m1(0x66, 0xee);
    PMAXUW = m2(0x66, 0x3e);
    PMINSD = m2(0x66, 0x39);
    PMINUD = m2(0x66, 0x3b);
    PMAXSD = m2(0x66, 0x3d);
    PMAXUD = m2(0x66, 0x3f);
    PAVGB = m1(0x66, 0xe0);
    PAVGW = m1(0x66, 0xe3);
    PABSB = m2(0x66, 0x1c);
    PABSW = m2(0x66, 0x1d);
    PABSD = m2(0x66, 0x1e);
    PCMPEQB = m1(0x66, 0x74);
    PCMPEQW = m1(0x66, 0x75);
    PCMPEQD = m1(0x66, 0x76);
    PCMPEQQ = m2(0x66, 0x29);
    PCMPGTB = m1(0x66, 0x64);
    PCMPGTW = m1(0x66, 0x65);
    PCMPGTD = m1(0x66, 0x66);
    PCMPGTQ = m2(0x66, 0x37);
    PACKSSWB = m1(0x66, 0x63);
    PACKUSWB = m1(0x66, 0x67);
    PACKSSDW = m1(0x66, 0x6b);
    PACKUSDW = m2(0x66, 0x2b);
    PMOVSXBW = m2(0x66, 0x20);
    PMOVSXWD = m2(0x66, 0x23);
    PMOVSXDQ = m2(0x66, 0x25);
    PMOVZXBW = m2(0x66, 0x30);
    PMOVZXWD = m2(0x66, 0x33);
    PMOVZXDQ = m2(0x66, 0x35);
    PTEST = m2(0x66, 0x17);
    PMOVMSKB = m1(0x66, 0xd7);
    MOVMSKPS = m1(0, 0x50);
    MOVMSKPD = m1(0x66, 0x50);
    PINSRB = m3(0x66, 0x20);
    PINSRW = m1(0x66, 0xc4);
    PINSRD = m3(0x66, 0x22);
    PEXTRB = m3(0x66, 0x14);
    PEXTRW = m1(0x66, 0xc5);
    PEXTRD = m3(0x66, 0x16);
    INSERTPS = m3(0x66, 0x21);
    PSLLW = m1(0x66, 0xf1);
    PSLLD = m1(0x66, 0xf2);
    PSLLQ = m1(0x66, 0xf3);
    PSRAW = m1(0x66, 0xe1);
    PSRAD = m1(0x66, 0xe2);
    PSRLW = m1(0x66, 0xd1);
    PSRLD = m1(0x66, 0xd2);
    PSRLQ = m1(0x66, 0xd3);
    SHIFTW_IMM = m1(0x66, 0x71);
    SHIFTD_IMM = m1(0x66, 0x72);
    SHIFTQ_IMM = m1(0x66, 0x73);
    ADDPS = m1(0, 0x58);
    ADDPD = m1(0x66, 0x58);
    SUBPS = m1(0, 0x5c);
    SUBPD = m1(0x66, 0x5c);
    MULPS = m1(0, 0x59);
    MULPD = m1(0x66, 0x59);
    DIVPS = m1(0, 0x5e);
    DIVPD = m1(0x66, 0x5e);
    SQRTPS = m1(0, 0x51);
    SQRTPD = m1(0x66, 0x51);
    MINPS = m1(0, 0x5d);
    MINPD = m1(0x66, 0x5d);
    MAXPS = m1(0, 0x5f);
    MAXPD = m1(0x66, 0x5f);
    CMPPS = m1(0, 0xc2);
    CMPPD = m1(0x66, 0xc2);
    ROUNDPS = m3(0x66, 0x08);
    ROUNDPD = m3(0x66, 0x09);
    CVTDQ2PS = m1(0, 0x5b);
    CVTTPS2DQ = m1(0xf3, 0x5b);
    CVTDQ2PD = m1(0xf3, 0xe6);
    CVTTPD2DQ = m1(0x66, 0xe6);
    CVTPS2PD = m1(0, 0x5a);
    CVTPD2PS = m1(0x66, 0x5a);
    VFMADD213 = m2(0x66, 0xa8);
    VFNMADD213 = m2(0x66, 0xac);
}

/// Arithmetic that has all forms of operands, by its number in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Alu {
    Add = 0,
    Or = 1,
    /// With the carry.
    Adc = 2,
    /// With the borrow.
    Sbb = 3,
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
