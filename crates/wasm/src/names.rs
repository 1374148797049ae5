//! The `name` custom section: names that people gave, for backtraces and tools.
//!
//! Names are hints. A malformed section is not an error: what could be read of it counts.

use std::collections::HashMap;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Names of a module's functions.
#[derive(Clone, Debug, Default)]
pub struct FunctionNames(HashMap<u32, String>);

impl FunctionNames {
    /// Reads the contents of a `name` section.
    pub fn read(section: &[u8]) -> FunctionNames {
        let mut names = HashMap::new();
        for subsection in NameSectionReader::new(BinaryReader::new(section, 0)) {
            let Ok(Name::Function(map)) = subsection else {
                continue;
            };
            for naming in map {
                let Ok(naming) = naming else { break };
                names.insert(naming.index, naming.name.to_owned());
            }
        }
        FunctionNames(names)
    }

    /// The name of a function, by its index in the module.
    pub fn get(&self, func: crate::FuncIndex) -> Option<&str> {
        self.0.get(&func.0).map(String::as_str)
    }
}

/// The name of a tag, by its index in the module.
pub fn tag_name(section: &[u8], tag: crate::TagIndex) -> Option<String> {
    let subsections = NameSectionReader::new(BinaryReader::new(section, 0));
    let mut maps = subsections.filter_map(|subsection| match subsection {
        Ok(Name::Tag(map)) => Some(map),
        _ => None,
    });
    let mut namings = maps.next()?.map_while(|naming| naming.ok());
    let naming = namings.find(|naming| naming.index == tag.0)?;
    Some(naming.name.to_owned())
}

/// The name of the module itself.
pub(crate) fn module_name(section: &[u8]) -> Option<String> {
    NameSectionReader::new(BinaryReader::new(section, 0)).find_map(|subsection| match subsection {
        Ok(Name::Module { name, .. }) => Some(name.to_owned()),
        _ => None,
    })
}
