//! NaNs that instructions produce, where they are to have one form.

use super::*;

const F32: [u32; 9] = [
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0x7fa0_0001,
    0xffc1_2345,
];
const F64: [u64; 9] = [
    0,
    1 << 63,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x7ff4_0000_0000_0001,
    0xfff8_0000_1234_5678,
];
const CANONICAL_32: u32 = 0x7fc0_0000;
const CANONICAL_64: u64 = 0x7ff8_0000_0000_0000;

/// Instructions of each shape of floats, with how many operands they have.
const INSTRUCTIONS: [(&str, usize); 11] = [
    ("add", 2),
    ("sub", 2),
    ("mul", 2),
    ("div", 2),
    ("min", 2),
    ("max", 2),
    ("sqrt", 1),
    ("ceil", 1),
    ("floor", 1),
    ("trunc", 1),
    ("nearest", 1),
];

/// An instruction whose results are no NaNs but the canonical one, as a function of bits.
struct Case {
    name: String,
    params: Vec<&'static str>,
    result: &'static str,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name: String, params: Vec<&'static str>, result| {
        cases.push(Case {
            name,
            params,
            result,
        });
    };
    for shape in ["f32", "f64", "f32x4", "f64x2"] {
        let ty = if shape.contains('x') { "v128" } else { shape };
        for (instruction, operands) in INSTRUCTIONS {
            case(format!("{shape}.{instruction}"), vec![ty; operands], ty);
        }
    }
    for shape in ["f32x4", "f64x2"] {
        for instruction in ["relaxed_madd", "relaxed_nmadd"] {
            case(format!("{shape}.{instruction}"), vec!["v128"; 3], "v128");
        }
    }
    case("f32.demote_f64".into(), vec!["f64"], "f32");
    case("f64.promote_f32".into(), vec!["f32"], "f64");
    case("f32x4.demote_f64x2_zero".into(), vec!["v128"], "v128");
    case("f64x2.promote_low_f32x4".into(), vec!["v128"], "v128");
    cases
}

/// Functions from bits to bits: a host's float might not keep them.
fn module(cases: &[Case]) -> String {
    let bits = |ty: &str| match ty {
        "f32" => "i32",
        "f64" => "i64",
        _ => "v128",
    };
    let mut text = String::from("(module\n");
    for Case {
        name,
        params,
        result,
    } in cases
    {
        let types: Vec<_> = params.iter().map(|ty| bits(ty)).collect();
        let operand = |(i, ty): (usize, &&str)| match *ty {
            "v128" => format!("(local.get {i})"),
            ty => format!("({ty}.reinterpret_{} (local.get {i}))", bits(ty)),
        };
        let operands: Vec<_> = params.iter().enumerate().map(operand).collect();
        let mut body = format!("({name} {})", operands.join(" "));
        if *result != "v128" {
            body = format!("({}.reinterpret_{result} {body})", bits(result));
        }
        text += &format!(
            "(func (export \"{name}\") (param {}) (result {}) {body})\n",
            types.join(" "),
            bits(result)
        );
    }
    text + ")"
}

/// Operands of a type, as bits.
fn operands(ty: &str) -> Vec<Val> {
    let halves = |i: usize| u128::from(F64[i]) << 64 | u128::from(F64[(i + 3) % F64.len()]);
    let quarters = |i: usize| {
        (0..4).fold(0, |all, lane| {
            all << 32 | u128::from(F32[(i + 2 * lane) % F32.len()])
        })
    };
    match ty {
        "f32" => F32.map(|bits| Val::I32(bits.cast_signed())).into(),
        "f64" => F64.map(|bits| Val::I64(bits.cast_signed())).into(),
        _ => {
            let all = (0..F64.len()).flat_map(|i| [halves(i), quarters(i)]);
            all.map(|bits| Val::V128(bits.into())).collect()
        }
    }
}

/// The lanes of a result, each with whether it is a NaN that is not canonical.
fn is_wrong(name: &str, result: &Val) -> bool {
    let wrong_32 = |bits: u32| f32::from_bits(bits).is_nan() && bits != CANONICAL_32;
    let wrong_64 = |bits: u64| f64::from_bits(bits).is_nan() && bits != CANONICAL_64;
    match *result {
        Val::I32(bits) => wrong_32(bits.cast_unsigned()),
        Val::I64(bits) => wrong_64(bits.cast_unsigned()),
        Val::V128(ref bits) => {
            let bits = bits.as_u128();
            match name.starts_with("f32x4") {
                true => (0..4).any(|lane| wrong_32((bits >> (32 * lane)) as u32)),
                false => (0..2).any(|lane| wrong_64((bits >> (64 * lane)) as u64)),
            }
        }
        ref other => panic!("{other:?} is no result of these functions"),
    }
}

fn bits(result: &Val) -> u128 {
    match *result {
        Val::I32(bits) => bits.cast_unsigned().into(),
        Val::I64(bits) => bits.cast_unsigned().into(),
        Val::V128(ref bits) => bits.as_u128(),
        ref other => panic!("{other:?} is no result of these functions"),
    }
}

/// Every way in which code comes about gives the same bits, and the one NaN.
#[test]
fn nans_have_one_form_on_each_tier() {
    let cases = cases();
    let text = module(&cases);
    let engines = configured_engines(|config| {
        config.cranelift_nan_canonicalization(true);
    });
    let mut all: Vec<Vec<u128>> = Vec::new();
    for (tier, engine) in &engines {
        let module = Module::new(engine, &text).unwrap();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let mut found = Vec::new();
        for Case { name, params, .. } in &cases {
            let function = instance.get_func(&mut store, name).unwrap();
            let operands = operands(params[0]);
            for i in 0..operands.len() * operands.len() {
                let (a, b) = (i % operands.len(), i / operands.len());
                let given = [a, b, (a + b) % operands.len()].map(|at| operands[at]);
                let mut results = [Val::I32(0)];
                function
                    .call(&mut store, &given[..params.len()], &mut results)
                    .unwrap();
                let [result] = results;
                assert!(
                    !is_wrong(name, &result),
                    "{tier}: {name} of {:?} is {result:?}",
                    &given[..params.len()]
                );
                found.push(bits(&result));
            }
        }
        all.push(found);
    }
    for ((tier, _), found) in engines.iter().zip(&all) {
        assert!(*found == all[0], "{tier} gives other bits");
    }
}
