//! Values between the script and the engine: arguments made from their text, results
//! compared with patterns, and both written so that a difference of one bit shows.

use mainspring::{
    AnyRef, AsContext, ExternRef, Func, Instance, ModuleFunction, Result, Store, Val, bail,
};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64, Index};
use wast::{WastArg, WastRet};

/// Makes the value that an argument of a call stands for.
pub(crate) fn argument(store: &mut Store<()>, arg: &WastArg<'_>) -> Result<Val> {
    // Only with the component model compiled in is there another kind of argument.
    #[allow(irrefutable_let_patterns)]
    let WastArg::Core(arg) = arg else {
        bail!("this runner can't do components, and the argument is a component's value");
    };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(heap) => match hierarchy(heap) {
            Some(Hierarchy::Func) => Val::FuncRef(None),
            Some(Hierarchy::Extern) => Val::ExternRef(None),
            Some(Hierarchy::Any) => Val::AnyRef(None),
            Some(Hierarchy::Exn) => Val::ExnRef(None),
            None => bail!("this runner can't make the argument (ref.null {heap:?}) yet"),
        },
        WastArgCore::RefExtern(id) => Val::ExternRef(Some(ExternRef::new(store, *id)?)),
        WastArgCore::RefHost(id) => {
            let value = ExternRef::new(&mut *store, *id)?;
            Val::AnyRef(Some(AnyRef::convert_extern(store, value)?))
        }
    })
}

/// The kinds of null.
#[derive(PartialEq)]
enum Hierarchy {
    Func,
    Extern,
    Any,
    Exn,
}

fn hierarchy(heap: &HeapType<'_>) -> Option<Hierarchy> {
    use AbstractHeapType::*;
    let HeapType::Abstract { shared: false, ty } = heap else {
        return Option::None;
    };
    match ty {
        Func | NoFunc => Some(Hierarchy::Func),
        Extern | NoExtern => Some(Hierarchy::Extern),
        Any | Eq | I31 | Struct | Array | None => Some(Hierarchy::Any),
        Exn | NoExn => Some(Hierarchy::Exn),
        Cont | NoCont => Option::None,
    }
}

/// Whether a result is one that the script allows; the error says what it is instead.
pub(crate) fn check(
    store: &mut Store<()>,
    speaker: Option<Instance>,
    came: &Val,
    expected: &WastRet<'_>,
) -> Result<(), String> {
    #[allow(irrefutable_let_patterns)]
    let WastRet::Core(expected) = expected else {
        return Err(
            "this runner can't do components, and the result is a component's value".into(),
        );
    };
    if matches(store, speaker, came, expected)? {
        return Ok(());
    }
    Err(format!(
        "expected {}, got {}",
        show_pattern(expected),
        show_like(came, expected)
    ))
}

fn matches(
    store: &mut Store<()>,
    speaker: Option<Instance>,
    came: &Val,
    expected: &WastRetCore<'_>,
) -> Result<bool, String> {
    Ok(match (expected, came) {
        (WastRetCore::Either(choices), _) => {
            for choice in choices {
                if matches(store, speaker, came, choice)? {
                    return Ok(true);
                }
            }
            false
        }
        (WastRetCore::I32(expected), Val::I32(came)) => expected == came,
        (WastRetCore::I64(expected), Val::I64(came)) => expected == came,
        (WastRetCore::F32(expected), Val::F32(came)) => f32_matches(expected, *came),
        (WastRetCore::F64(expected), Val::F64(came)) => f64_matches(expected, *came),
        (WastRetCore::V128(expected), Val::V128(came)) => v128_matches(expected, came.as_u128()),
        (WastRetCore::RefNull(expected), came) => is_null(expected.as_ref(), came)?,
        (WastRetCore::RefExtern(expected), Val::ExternRef(Some(came))) => match expected {
            None => true,
            Some(expected) => {
                let data = came.data(store.as_context()).map_err(unusable)?;
                data.and_then(|data| data.downcast_ref::<u32>()) == Some(expected)
            }
        },
        (WastRetCore::RefFunc(None), Val::FuncRef(Some(_))) => true,
        (WastRetCore::RefHost(expected), Val::AnyRef(Some(came))) => {
            let value = ExternRef::convert_any(&mut *store, *came).map_err(unusable)?;
            let data = value.data(store.as_context()).map_err(unusable)?;
            data.and_then(|data| data.downcast_ref::<u32>()) == Some(expected)
        }
        (WastRetCore::RefAny, Val::AnyRef(Some(_))) => true,
        (WastRetCore::RefEq, Val::AnyRef(Some(came))) => came.is_eqref(store).map_err(unusable)?,
        (WastRetCore::RefI31, Val::AnyRef(Some(came))) => came.is_i31(store).map_err(unusable)?,
        (WastRetCore::RefStruct, Val::AnyRef(Some(came))) => {
            came.is_struct(store).map_err(unusable)?
        }
        (WastRetCore::RefArray, Val::AnyRef(Some(came))) => {
            came.is_array(store).map_err(unusable)?
        }
        (WastRetCore::RefFunc(Some(index)), Val::FuncRef(Some(came))) => {
            let named = speaker.and_then(|instance| function(store, instance, index));
            named.is_some_and(|named| named.to_raw(&mut *store) == came.to_raw(&mut *store))
        }
        (pattern @ WastRetCore::RefI31Shared, _) => {
            return Err(format!("this runner can't check for {pattern:?} yet"));
        }
        _ => false,
    })
}

/// A function of a module, by its number or its name.
fn function(store: &mut Store<()>, instance: Instance, index: &Index<'_>) -> Option<Func> {
    let number = match index {
        Index::Num(number, _) => *number,
        Index::Id(id) => {
            let is_it = |f: &ModuleFunction| f.name.as_deref() == Some(id.name());
            let module = instance.module(&*store);
            module.functions().find(is_it)?.index
        }
    };
    instance.debug_function(store, number)
}

fn unusable(error: mainspring::Error) -> String {
    format!("{error:#}")
}

fn is_null(expected: Option<&HeapType<'_>>, came: &Val) -> Result<bool, String> {
    let null = came.ref_().is_some_and(|reference| reference.is_null());
    let Some(expected) = expected else {
        return Ok(null);
    };
    let hierarchy = hierarchy(expected)
        .ok_or_else(|| format!("this runner can't check for (ref.null {expected:?}) yet"))?;
    Ok(match came {
        Val::FuncRef(_) => null && hierarchy == Hierarchy::Func,
        Val::ExternRef(_) => null && hierarchy == Hierarchy::Extern,
        Val::AnyRef(_) => null && hierarchy == Hierarchy::Any,
        Val::ExnRef(_) => null && hierarchy == Hierarchy::Exn,
        _ => false,
    })
}

// A canonical NaN has only the top bit of its fraction set; an arithmetic one has at
// least that bit. The sign is free in both.

fn f32_matches(expected: &NanPattern<F32>, came: u32) -> bool {
    match expected {
        NanPattern::CanonicalNan => came & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => came & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(value) => value.bits == came,
    }
}

fn f64_matches(expected: &NanPattern<F64>, came: u64) -> bool {
    match expected {
        NanPattern::CanonicalNan => came & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => came & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(value) => value.bits == came,
    }
}

fn v128_matches(expected: &V128Pattern, came: u128) -> bool {
    let bytes = came.to_le_bytes();
    match expected {
        V128Pattern::I8x16(lanes) => lanes.map(|lane| lane as u8) == bytes,
        V128Pattern::I16x8(lanes) => lanes.map(|lane| lane as u16) == lanes16(bytes),
        V128Pattern::I32x4(lanes) => lanes.map(|lane| lane as u32) == lanes32(bytes),
        V128Pattern::I64x2(lanes) => lanes.map(|lane| lane as u64) == lanes64(bytes),
        V128Pattern::F32x4(lanes) => lanes
            .iter()
            .zip(lanes32(bytes))
            .all(|(lane, came)| f32_matches(lane, came)),
        V128Pattern::F64x2(lanes) => lanes
            .iter()
            .zip(lanes64(bytes))
            .all(|(lane, came)| f64_matches(lane, came)),
    }
}

fn lanes16(bytes: [u8; 16]) -> [u16; 8] {
    std::array::from_fn(|i| u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]))
}

fn lanes32(bytes: [u8; 16]) -> [u32; 4] {
    std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|b| bytes[4 * i + b])))
}

fn lanes64(bytes: [u8; 16]) -> [u64; 2] {
    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|b| bytes[8 * i + b])))
}

// How values are written.

/// A value with its type, and with its bits where the decimal form would hide them.
pub(crate) fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => format!("i32 {value} ({value:#x})"),
        Val::I64(value) => format!("i64 {value} ({value:#x})"),
        Val::F32(bits) => format!("f32 {}", show_f32(*bits)),
        Val::F64(bits) => format!("f64 {}", show_f64(*bits)),
        Val::V128(bits) => format!("v128 {:#034x}", bits.as_u128()),
        Val::FuncRef(reference) => show_reference("funcref", reference.is_none()),
        Val::ExternRef(reference) => show_reference("externref", reference.is_none()),
        Val::AnyRef(reference) => show_reference("anyref", reference.is_none()),
        Val::ExnRef(reference) => show_reference("exnref", reference.is_none()),
        Val::ContRef(none) => match *none {},
    }
}

fn show_reference(ty: &str, null: bool) -> String {
    format!("{} {ty}", if null { "a null" } else { "a non-null" })
}

/// A vector in the lanes of the pattern that it was compared with; others as `show` does.
fn show_like(came: &Val, expected: &WastRetCore<'_>) -> String {
    let (Val::V128(bits), WastRetCore::V128(pattern)) = (came, expected) else {
        return show(came);
    };
    let bytes = bits.as_u128().to_le_bytes();
    match pattern {
        V128Pattern::I8x16(_) => show_lanes("i8x16", bytes.map(|lane| (lane as i8).to_string())),
        V128Pattern::I16x8(_) => show_lanes(
            "i16x8",
            lanes16(bytes).map(|lane| (lane as i16).to_string()),
        ),
        V128Pattern::I32x4(_) => show_lanes(
            "i32x4",
            lanes32(bytes).map(|lane| (lane as i32).to_string()),
        ),
        V128Pattern::I64x2(_) => show_lanes(
            "i64x2",
            lanes64(bytes).map(|lane| (lane as i64).to_string()),
        ),
        V128Pattern::F32x4(_) => show_lanes("f32x4", lanes32(bytes).map(show_f32)),
        V128Pattern::F64x2(_) => show_lanes("f64x2", lanes64(bytes).map(show_f64)),
    }
}

fn show_pattern(pattern: &WastRetCore<'_>) -> String {
    match pattern {
        WastRetCore::I32(value) => show(&Val::I32(*value)),
        WastRetCore::I64(value) => show(&Val::I64(*value)),
        WastRetCore::F32(lane) => {
            format!("f32 {}", show_nan_or(lane, |value| show_f32(value.bits)))
        }
        WastRetCore::F64(lane) => {
            format!("f64 {}", show_nan_or(lane, |value| show_f64(value.bits)))
        }
        WastRetCore::V128(pattern) => show_v128_pattern(pattern),
        WastRetCore::RefNull(None) => "a null reference".into(),
        WastRetCore::RefNull(Some(heap)) => match hierarchy(heap) {
            Some(Hierarchy::Func) => "a null funcref".into(),
            Some(Hierarchy::Extern) => "a null externref".into(),
            Some(Hierarchy::Any) => "a null anyref".into(),
            Some(Hierarchy::Exn) => "a null exnref".into(),
            None => format!("(ref.null {heap:?})"),
        },
        WastRetCore::RefExtern(None) => "a non-null externref".into(),
        WastRetCore::RefExtern(Some(id)) => format!("the externref {id}"),
        WastRetCore::RefFunc(None) => "a non-null funcref".into(),
        WastRetCore::RefFunc(Some(Index::Num(number, _))) => format!("the function {number}"),
        WastRetCore::RefFunc(Some(Index::Id(id))) => format!("the function ${}", id.name()),
        WastRetCore::RefHost(id) => format!("the host value {id} as anyref"),
        WastRetCore::RefAny => "a non-null anyref".into(),
        WastRetCore::RefEq => "a non-null eqref".into(),
        WastRetCore::RefI31 => "a non-null i31ref".into(),
        WastRetCore::RefStruct => "a non-null structref".into(),
        WastRetCore::RefArray => "a non-null arrayref".into(),
        WastRetCore::Either(choices) => {
            let shown: Vec<_> = choices.iter().map(show_pattern).collect();
            format!("either {}", shown.join(" or "))
        }
        other => format!("{other:?}"),
    }
}

fn show_v128_pattern(pattern: &V128Pattern) -> String {
    match pattern {
        V128Pattern::I8x16(lanes) => show_lanes("i8x16", lanes.map(|lane| lane.to_string())),
        V128Pattern::I16x8(lanes) => show_lanes("i16x8", lanes.map(|lane| lane.to_string())),
        V128Pattern::I32x4(lanes) => show_lanes("i32x4", lanes.map(|lane| lane.to_string())),
        V128Pattern::I64x2(lanes) => show_lanes("i64x2", lanes.map(|lane| lane.to_string())),
        V128Pattern::F32x4(lanes) => show_lanes(
            "f32x4",
            lanes.map(|lane| show_nan_or(&lane, |value| show_f32(value.bits))),
        ),
        V128Pattern::F64x2(lanes) => show_lanes(
            "f64x2",
            lanes.map(|lane| show_nan_or(&lane, |value| show_f64(value.bits))),
        ),
    }
}

fn show_lanes<const N: usize>(shape: &str, lanes: [String; N]) -> String {
    format!("v128 {shape} {}", lanes.join(" "))
}

fn show_nan_or<T>(lane: &NanPattern<T>, show: impl Fn(&T) -> String) -> String {
    match lane {
        NanPattern::CanonicalNan => "nan:canonical".into(),
        NanPattern::ArithmeticNan => "nan:arithmetic".into(),
        NanPattern::Value(value) => show(value),
    }
}

fn show_f32(bits: u32) -> String {
    format!("{:e} ({bits:#010x})", f32::from_bits(bits))
}

fn show_f64(bits: u64) -> String {
    format!("{:e} ({bits:#018x})", f64::from_bits(bits))
}
