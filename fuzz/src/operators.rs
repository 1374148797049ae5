// tidy: table
//! Operators that do not trap, by the types of their operands and results.

use crate::value::Type::{self, Extern, F32, F64, I32, I64, V128};

/// Operators with the same types.
pub struct Shape {
    pub params: &'static [Type],
    pub result: Type,
    pub names: &'static str,
    /// Reads a memory, and takes an offset.
    pub loads: bool,
    /// How many lanes there are to name one of, or none.
    pub lanes: usize,
    /// What makes the last operand one that does not trap.
    pub fix: &'static str,
    /// What makes one result of several.
    pub join: &'static str,
    /// Whether other engines may give other results.
    pub relaxed: bool,
}

const fn plain(params: &'static [Type], result: Type, names: &'static str) -> Shape {
    Shape {
        params,
        result,
        names,
        loads: false,
        lanes: 0,
        fix: "",
        join: "",
        relaxed: false,
    }
}

const fn joined(
    params: &'static [Type],
    result: Type,
    join: &'static str,
    names: &'static str,
) -> Shape {
    Shape {
        join,
        ..plain(params, result, names)
    }
}

const fn relaxed(params: &'static [Type], names: &'static str) -> Shape {
    Shape {
        relaxed: true,
        ..plain(params, V128, names)
    }
}

const fn fixed(
    params: &'static [Type],
    result: Type,
    fix: &'static str,
    names: &'static str,
) -> Shape {
    Shape {
        fix,
        ..plain(params, result, names)
    }
}

const fn load(result: Type, names: &'static str) -> Shape {
    Shape {
        loads: true,
        ..plain(&[I32], result, names)
    }
}

const fn lane(params: &'static [Type], result: Type, lanes: usize, names: &'static str) -> Shape {
    Shape {
        lanes,
        ..plain(params, result, names)
    }
}

/// Shapes that hold more are not chosen more often, so that the rare ones are met.
pub const OPERATORS: &[Shape] = &[
    plain(&[I32, I32], I32, "i32.add i32.sub i32.mul i32.and i32.or i32.xor"),
    plain(&[I32, I32], I32, "i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr"),
    plain(&[I32, I32], I32, "i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u"),
    plain(&[I32], I32, "i32.eqz i32.clz i32.ctz i32.popcnt i32.extend8_s i32.extend16_s"),
    fixed(&[I32, I32], I32, "i32.const 1 i32.or", "i32.div_u i32.rem_u i32.rem_s"),
    fixed(&[I32, I32], I32, "i32.const 0xffff i32.and i32.const 1 i32.or", "i32.div_s"),
    plain(&[I64, I64], I32, "i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u"),
    plain(&[I64], I32, "i64.eqz i32.wrap_i64"),
    plain(&[F32, F32], I32, "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge"),
    plain(&[F64, F64], I32, "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge"),
    plain(&[F32], I32, "i32.reinterpret_f32 i32.trunc_sat_f32_s i32.trunc_sat_f32_u"),
    plain(&[F64], I32, "i32.trunc_sat_f64_s i32.trunc_sat_f64_u"),
    plain(&[Extern], I32, "ref.is_null"),
    plain(&[], I32, "memory.size"),
    load(I32, "i32.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u"),
    plain(
        &[V128],
        I32,
        "v128.any_true i8x16.all_true i16x8.all_true i32x4.all_true i64x2.all_true i8x16.bitmask i16x8.bitmask i32x4.bitmask i64x2.bitmask",
    ),
    lane(&[V128], I32, 4, "i32x4.extract_lane i16x8.extract_lane_s i16x8.extract_lane_u i8x16.extract_lane_s i8x16.extract_lane_u"),
    plain(&[I64, I64], I64, "i64.add i64.sub i64.mul i64.and i64.or i64.xor"),
    plain(&[I64, I64], I64, "i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr"),
    plain(&[I64], I64, "i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s"),
    fixed(&[I64, I64], I64, "i64.const 1 i64.or", "i64.div_u i64.rem_u i64.rem_s"),
    joined(&[I64, I64, I64, I64], I64, "i64.xor", "i64.add128 i64.sub128"),
    joined(&[I64, I64], I64, "i64.sub", "i64.mul_wide_s i64.mul_wide_u"),
    plain(&[I32], I64, "i64.extend_i32_s i64.extend_i32_u"),
    plain(&[F32], I64, "i64.trunc_sat_f32_s i64.trunc_sat_f32_u"),
    plain(&[F64], I64, "i64.trunc_sat_f64_s i64.trunc_sat_f64_u i64.reinterpret_f64"),
    load(I64, "i64.load i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u"),
    lane(&[V128], I64, 2, "i64x2.extract_lane"),
    plain(&[F32, F32], F32, "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign"),
    plain(&[F32], F32, "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt"),
    plain(&[I32], F32, "f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32"),
    plain(&[I64], F32, "f32.convert_i64_s f32.convert_i64_u"),
    plain(&[F64], F32, "f32.demote_f64"),
    load(F32, "f32.load"),
    lane(&[V128], F32, 4, "f32x4.extract_lane"),
    plain(&[F64, F64], F64, "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign"),
    plain(&[F64], F64, "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt"),
    plain(&[I32], F64, "f64.convert_i32_s f64.convert_i32_u"),
    plain(&[I64], F64, "f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64"),
    plain(&[F32], F64, "f64.promote_f32"),
    load(F64, "f64.load"),
    lane(&[V128], F64, 2, "f64x2.extract_lane"),
    plain(&[V128, V128], V128, "v128.and v128.or v128.xor v128.andnot i8x16.swizzle"),
    plain(
        &[V128, V128],
        V128,
        "i8x16.add i8x16.sub i8x16.add_sat_s i8x16.add_sat_u i8x16.sub_sat_s i8x16.sub_sat_u i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u i8x16.avgr_u
         i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u i8x16.ge_s i8x16.ge_u i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u",
    ),
    plain(
        &[V128, V128],
        V128,
        "i16x8.add i16x8.sub i16x8.mul i16x8.add_sat_s i16x8.add_sat_u i16x8.sub_sat_s i16x8.sub_sat_u i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u i16x8.avgr_u
         i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u
         i16x8.q15mulr_sat_s i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u",
    ),
    plain(
        &[V128, V128],
        V128,
        "i32x4.add i32x4.sub i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s
         i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u
         i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u",
    ),
    plain(
        &[V128, V128],
        V128,
        "i64x2.add i64x2.sub i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s
         i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u",
    ),
    plain(
        &[V128, V128],
        V128,
        "f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge",
    ),
    plain(
        &[V128, V128],
        V128,
        "f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge",
    ),
    plain(
        &[V128],
        V128,
        "v128.not i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i16x8.neg i32x4.abs i32x4.neg i64x2.abs i64x2.neg
         i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u
         i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u
         i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u
         i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u",
    ),
    plain(
        &[V128],
        V128,
        "f32x4.abs f32x4.neg f32x4.sqrt f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f64x2.abs f64x2.neg f64x2.sqrt f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest
         i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero
         f32x4.convert_i32x4_s f32x4.convert_i32x4_u f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u f32x4.demote_f64x2_zero f64x2.promote_low_f32x4",
    ),
    plain(&[V128, I32], V128, "i8x16.shl i8x16.shr_s i8x16.shr_u i16x8.shl i16x8.shr_s i16x8.shr_u"),
    plain(&[V128, I32], V128, "i32x4.shl i32x4.shr_s i32x4.shr_u i64x2.shl i64x2.shr_s i64x2.shr_u"),
    plain(&[V128, V128, V128], V128, "v128.bitselect"),
    relaxed(
        &[V128, V128],
        "i8x16.relaxed_swizzle f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max
         i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s",
    ),
    relaxed(
        &[V128],
        "i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero",
    ),
    relaxed(
        &[V128, V128, V128],
        "f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd i32x4.relaxed_dot_i8x16_i7x16_add_s
         i8x16.relaxed_laneselect i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect",
    ),
    plain(&[I32], V128, "i8x16.splat i16x8.splat i32x4.splat"),
    plain(&[I64], V128, "i64x2.splat"),
    plain(&[F32], V128, "f32x4.splat"),
    plain(&[F64], V128, "f64x2.splat"),
    lane(&[V128, I32], V128, 4, "i8x16.replace_lane i16x8.replace_lane i32x4.replace_lane"),
    lane(&[V128, I64], V128, 2, "i64x2.replace_lane"),
    lane(&[V128, F32], V128, 4, "f32x4.replace_lane"),
    lane(&[V128, F64], V128, 2, "f64x2.replace_lane"),
    load(
        V128,
        "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u
         v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.load32_zero v128.load64_zero",
    ),
];

/// Atomic operators that take an address and a value, or two, and have a result, by the type of that.
pub const ATOMICS: &[(Type, &[&str])] = &[
    (
        I32,
        &[
            "i32.atomic.rmw.add",
            "i32.atomic.rmw.sub",
            "i32.atomic.rmw.and",
            "i32.atomic.rmw.or",
            "i32.atomic.rmw.xor",
            "i32.atomic.rmw.xchg",
            "i32.atomic.rmw8.add_u",
            "i32.atomic.rmw8.sub_u",
            "i32.atomic.rmw8.and_u",
            "i32.atomic.rmw8.or_u",
            "i32.atomic.rmw8.xor_u",
            "i32.atomic.rmw8.xchg_u",
            "i32.atomic.rmw16.add_u",
            "i32.atomic.rmw16.sub_u",
            "i32.atomic.rmw16.and_u",
            "i32.atomic.rmw16.or_u",
            "i32.atomic.rmw16.xor_u",
            "i32.atomic.rmw16.xchg_u",
        ],
    ),
    (
        I64,
        &[
            "i64.atomic.rmw.add",
            "i64.atomic.rmw.sub",
            "i64.atomic.rmw.and",
            "i64.atomic.rmw.or",
            "i64.atomic.rmw.xor",
            "i64.atomic.rmw.xchg",
            "i64.atomic.rmw8.add_u",
            "i64.atomic.rmw8.sub_u",
            "i64.atomic.rmw8.xor_u",
            "i64.atomic.rmw16.add_u",
            "i64.atomic.rmw16.or_u",
            "i64.atomic.rmw16.xchg_u",
            "i64.atomic.rmw32.add_u",
            "i64.atomic.rmw32.sub_u",
            "i64.atomic.rmw32.and_u",
            "i64.atomic.rmw32.or_u",
            "i64.atomic.rmw32.xor_u",
            "i64.atomic.rmw32.xchg_u",
        ],
    ),
    (
        I32,
        &[
            "i32.atomic.rmw.cmpxchg",
            "i32.atomic.rmw8.cmpxchg_u",
            "i32.atomic.rmw16.cmpxchg_u",
        ],
    ),
    (
        I64,
        &[
            "i64.atomic.rmw.cmpxchg",
            "i64.atomic.rmw8.cmpxchg_u",
            "i64.atomic.rmw16.cmpxchg_u",
            "i64.atomic.rmw32.cmpxchg_u",
        ],
    ),
    (
        I32,
        &[
            "i32.atomic.load",
            "i32.atomic.load8_u",
            "i32.atomic.load16_u",
        ],
    ),
    (
        I64,
        &[
            "i64.atomic.load",
            "i64.atomic.load8_u",
            "i64.atomic.load16_u",
            "i64.atomic.load32_u",
        ],
    ),
    (
        I32,
        &[
            "i32.atomic.store",
            "i32.atomic.store8",
            "i32.atomic.store16",
        ],
    ),
    (
        I64,
        &[
            "i64.atomic.store",
            "i64.atomic.store8",
            "i64.atomic.store16",
            "i64.atomic.store32",
        ],
    ),
];
