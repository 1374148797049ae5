//! `run --invoke`: reads a call's arguments from the command line by the types of the
//! function's parameters, and prints its results.

use mainspring::{Func, Result, Store, Val, ValType, bail, format_err};
use std::ffi::OsString;
use std::io::Write;

/// Calls `function` with arguments read from their text; prints each result on a line.
pub(crate) fn invoke<T: 'static>(
    store: &mut Store<T>,
    function: Func,
    name: &str,
    args: &[OsString],
) -> Result<()> {
    let ty = function.ty(&*store);
    if args.len() != ty.params().len() {
        let params: Vec<_> = ty.params().map(|param| param.to_string()).collect();
        bail!(
            "`{name}` takes {} ({}), but {} given",
            counted(params.len(), "argument"),
            params.join(", "),
            if args.len() == 1 {
                "1 was".into()
            } else {
                format!("{} were", args.len())
            },
        );
    }
    let values = ty.params().zip(args).zip(1..).map(|((ty, text), nth)| {
        let text = text
            .to_str()
            .ok_or_else(|| format_err!("argument {nth} of `{name}` is not UTF-8"))?;
        parse(&ty, text).ok_or_else(|| {
            format_err!("argument {nth} of `{name}` is `{text}`, which is not a value of type {ty}")
        })
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    let mut results = vec![Val::I32(0); ty.results().len()];
    function.call(&mut *store, &values, &mut results)?;

    let mut stdout = std::io::stdout().lock();
    for result in &results {
        writeln!(stdout, "{}", show(result))?;
    }
    Ok(())
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn parse(ty: &ValType, text: &str) -> Option<Val> {
    Some(match ty {
        // An integer has no sign of its own: both -1 and 4294967295 name the same i32.
        ValType::I32 => {
            let value = integer(text)?;
            let bits = i32::try_from(value)
                .ok()
                .or_else(|| u32::try_from(value).ok().map(|bits| bits as i32));
            Val::I32(bits?)
        }
        ValType::I64 => {
            let value = integer(text)?;
            let bits = i64::try_from(value)
                .ok()
                .or_else(|| u64::try_from(value).ok().map(|bits| bits as i64));
            Val::I64(bits?)
        }
        ValType::F32 => Val::F32(text.parse::<f32>().ok()?.to_bits()),
        ValType::F64 => Val::F64(text.parse::<f64>().ok()?.to_bits()),
        ValType::V128 => Val::V128(
            u128::from_str_radix(text.strip_prefix("0x")?, 16)
                .ok()?
                .into(),
        ),
        ValType::Ref(ty) if text == "null" && ty.is_nullable() => Val::null_ref(ty.heap_type()),
        ValType::Ref(_) => return None,
    })
}

/// Decimal or, after `0x`, hexadecimal, with or without a sign.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let magnitude = match digits.strip_prefix("0x") {
        Some(digits) if !digits.starts_with(['-', '+']) => i128::from_str_radix(digits, 16).ok()?,
        Some(_) => return None,
        None => digits.parse().ok()?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// The decimal form of a number; of a reference, what kind it is.
pub(crate) fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(bits) => format!("{:#034x}", bits.as_u128()),
        reference => match reference.ref_() {
            Some(reference) if reference.is_null() => "null".into(),
            _ => "<reference>".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn i32_of(text: &str) -> Option<i32> {
        parse(&ValType::I32, text).map(|value| value.unwrap_i32())
    }

    #[test]
    fn integers_are_read_in_both_signs_and_no_further() {
        assert_eq!(i32_of("-1"), Some(-1));
        assert_eq!(i32_of("4294967295"), Some(-1));
        assert_eq!(i32_of("0xff"), Some(255));
        assert_eq!(i32_of("-0x80000000"), Some(i32::MIN));
        for wrong in [
            "4294967296",
            "-2147483649",
            "",
            "-",
            "1.5",
            "0x",
            "--1",
            "0x-1",
            "one",
        ] {
            assert_eq!(i32_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn floats_and_vectors_keep_their_bits() {
        let f32_of = |text| parse(&ValType::F32, text).map(|value| value.unwrap_f32());
        assert_eq!(f32_of("0.5"), Some(0.5));
        assert_eq!(f32_of("-inf"), Some(f32::NEG_INFINITY));
        assert!(f32_of("nan").is_some_and(f32::is_nan) && f32_of("x").is_none());
        let vector = parse(&ValType::V128, "0x1").expect("a vector");
        assert_eq!(show(&vector), "0x00000000000000000000000000000001");
    }
}
