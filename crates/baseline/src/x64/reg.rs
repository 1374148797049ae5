//! Registers and sets of them.

/// A register: general-purpose ones are 0 to 15, `xmm` ones 16 to 31.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reg(pub(crate) u8);

impl Reg {
    pub(crate) const RAX: Reg = Reg(0);
    pub(crate) const RCX: Reg = Reg(1);
    pub(crate) const RDX: Reg = Reg(2);
    pub(crate) const RBX: Reg = Reg(3);
    pub(crate) const RSP: Reg = Reg(4);
    pub(crate) const RBP: Reg = Reg(5);
    pub(crate) const RSI: Reg = Reg(6);
    pub(crate) const RDI: Reg = Reg(7);
    pub(crate) const R8: Reg = Reg(8);
    pub(crate) const R9: Reg = Reg(9);
    pub(crate) const R10: Reg = Reg(10);
    pub(crate) const R11: Reg = Reg(11);
    pub(crate) const R12: Reg = Reg(12);
    pub(crate) const R13: Reg = Reg(13);
    pub(crate) const R14: Reg = Reg(14);
    pub(crate) const R15: Reg = Reg(15);
    pub(crate) const XMM0: Reg = Reg(16);

    /// An `xmm` register.
    pub(crate) const fn xmm(n: u8) -> Reg {
        Reg(16 + n)
    }

    /// Whether it is an `xmm` register.
    #[inline]
    pub(crate) const fn is_xmm(self) -> bool {
        self.0 >= 16
    }

    /// Its number in instructions.
    #[inline]
    pub(crate) const fn number(self) -> u8 {
        self.0 & 15
    }

    /// The set that holds only it.
    #[inline]
    pub(crate) const fn set(self) -> RegSet {
        RegSet(1 << self.0)
    }
}

/// Never allocated: for what one operator does with values that nothing else sees.
pub(crate) const SCRATCH: Reg = Reg::R11;
/// The same, for floats and vectors.
pub(crate) const XSCRATCH: Reg = Reg::xmm(15);

/// Integer arguments of the calling convention. See `mainspring_abi::call_layout`.
pub(crate) const INT_ARGS: [Reg; 6] = [Reg::RDI, Reg::RSI, Reg::RDX, Reg::RCX, Reg::R8, Reg::R9];
/// Integer results.
pub(crate) const INT_RESULTS: [Reg; 6] =
    [Reg::RAX, Reg::RCX, Reg::RDX, Reg::RSI, Reg::RDI, Reg::R8];
/// Float and vector arguments.
pub(crate) const FLOAT_ARGS: [Reg; 8] = xmms();
/// Float and vector results.
pub(crate) const FLOAT_RESULTS: [Reg; 8] = xmms();
/// What callees preserve, apart from the frame pointer.
pub(crate) const CALLEE_SAVED: [Reg; 5] = [Reg::RBX, Reg::R12, Reg::R13, Reg::R14, Reg::R15];

const fn xmms() -> [Reg; 8] {
    let mut all = [Reg::XMM0; 8];
    let mut n = 0;
    while n < 8 {
        all[n] = Reg::xmm(n as u8);
        n += 1;
    }
    all
}

/// A set of registers of both files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RegSet(pub(crate) u32);

impl RegSet {
    pub(crate) const EMPTY: RegSet = RegSet(0);

    #[inline]
    pub(crate) const fn contains(self, reg: Reg) -> bool {
        self.0 >> reg.0 & 1 != 0
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn insert(&mut self, reg: Reg) {
        self.0 |= reg.set().0;
    }

    #[inline]
    pub(crate) fn remove(&mut self, reg: Reg) {
        self.0 &= !reg.set().0;
    }

    #[inline]
    pub(crate) const fn minus(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }

    #[inline]
    pub(crate) const fn intersection(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }

    /// How many there are.
    pub(crate) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The lowest-numbered.
    #[inline]
    pub(crate) const fn first(self) -> Option<Reg> {
        match self.0 {
            0 => None,
            bits => Some(Reg(bits.trailing_zeros() as u8)),
        }
    }
}

impl FromIterator<Reg> for RegSet {
    fn from_iter<I: IntoIterator<Item = Reg>>(regs: I) -> RegSet {
        let mut set = RegSet::EMPTY;
        regs.into_iter().for_each(|reg| set.insert(reg));
        set
    }
}

impl Iterator for RegSet {
    type Item = Reg;

    #[inline]
    fn next(&mut self) -> Option<Reg> {
        let first = self.first()?;
        self.remove(first);
        Some(first)
    }
}
