//! Types that are written as others.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parts::{PathBytes, WireError};
use super::request::WireConstraint;
use crate::constraint::Constraint;
use crate::error::Error;
use crate::event::TokenLogprob;
use crate::message::Message;
use crate::model::Token;

/// A type that is written as another one.
macro_rules! written_as {
    ($name:ident, $type:ty, $other:ty, $to:expr, $from:expr) => {
        pub(super) mod $name {
            use super::*;
            use serde::{de, Deserializer, Serializer};

            pub(crate) fn serialize<S: Serializer>(v: &$type, s: S) -> std::result::Result<S::Ok, S::Error> {
                let to: fn(&$type) -> $other = $to;
                to(v).serialize(s)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<$type, D::Error> {
                let from: fn($other) -> std::result::Result<$type, String> = $from;
                from(<$other>::deserialize(d)?).map_err(de::Error::custom)
            }
        }
    };
}

/// serde_json's errors can hold pieces of what they read, and these may be logged.
fn read<T: serde::de::DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_str(text).map_err(|_| "JSON inside of JSON that cannot be read".to_owned())
}

written_as!(value, Value, String, |v| v.to_string(), |s| read(&s));
written_as!(values, Vec<Value>, Vec<String>, |v| v.iter().map(Value::to_string).collect(), |all| {
    all.iter().map(|s| read(s)).collect()
});
written_as!(
    map,
    Map<String, Value>,
    Vec<(String, String)>,
    |m| m.iter().map(|(k, v)| (k.clone(), v.to_string())).collect(),
    |all| all.into_iter().map(|(k, v)| Ok((k, read(&v)?))).collect()
);
written_as!(
    messages,
    Vec<Message>,
    Vec<Vec<(String, String)>>,
    |all| {
        let one = |m: &Message| m.as_json().iter().map(|(k, v)| (k.clone(), v.to_string())).collect();
        all.iter().map(one).collect()
    },
    |all| {
        let one = |m: Vec<(String, String)>| {
            let map: std::result::Result<Map<String, Value>, String> =
                m.into_iter().map(|(k, v)| Ok((k, read(&v)?))).collect();
            Message::from_json(Value::Object(map?)).map_err(|e| e.to_string())
        };
        all.into_iter().map(one).collect()
    }
);
written_as!(constraint, Option<Constraint>, Option<WireConstraint>, |c| c.clone().map(WireConstraint), |c| Ok(
    c.map(|WireConstraint(c)| c)
));
written_as!(
    numbers,
    Vec<(Token, f32)>,
    Vec<(Token, u32)>,
    |all| all.iter().map(|(t, x)| (*t, x.to_bits())).collect(),
    |all| Ok(all.into_iter().map(|(t, x)| (t, f32::from_bits(x))).collect())
);
written_as!(
    logprobs,
    Vec<TokenLogprob>,
    Vec<WireLogprob>,
    |all| {
        let one = |l: &TokenLogprob| {
            (l.token, l.logprob.to_bits(), l.top.iter().map(|(t, x)| (*t, x.to_bits())).collect())
        };
        all.iter().map(one).collect()
    },
    |all| {
        let number = |(token, bits): (Token, u32)| (token, f32::from_bits(bits));
        let one = |(token, bits, top): WireLogprob| {
            let top = top.into_iter().map(number).collect();
            TokenLogprob { token, logprob: f32::from_bits(bits), top }
        };
        Ok(all.into_iter().map(one).collect())
    }
);
written_as!(error, Error, WireError, |e| e.into(), |e| e.error());
written_as!(optional_path, Option<PathBuf>, Option<PathBytes>, |p| p.as_deref().map(PathBytes::new), |p| Ok(
    p.map(PathBytes::path)
));

type WireLogprob = (Token, u32, Vec<(Token, u32)>);
