//! Binding a shared object anew, if only the groups below it have changed.

use super::make::{GroupLink, Object};
use crate::Result;
use crate::finish::rebind::{self, Rebind, Renamed};
use crate::record::ContentKey;
use crate::system::files;

impl GroupLink<'_> {
    /// Makes a shared object from an earlier one that has the same members, by [`Rebind`]. Returns
    /// the soname of the earlier one, or the reason why the linker has to make it.
    pub(super) fn bind_anew(
        &self,
        soname: &str,
        link_key: &ContentKey,
        object: &Object<'_>,
    ) -> Result<Result<String, String>> {
        let files = &self.job.files;
        let earlier = self.earlier.iter().find_map(|earlier| {
            let binding = earlier.binding.as_ref()?;
            let is_same = binding.link == link_key.as_str()
                && earlier.needs.len() == object.below.len()
                && files.content(&earlier.soname).exists();
            is_same.then_some((earlier, binding))
        });
        let Some((earlier, binding)) = earlier else {
            return Ok(Err("its libraries or options are new".to_owned()));
        };
        let maps: Vec<_> = object
            .below
            .iter()
            .map(|below| files::map(&below.path))
            .collect::<Result<_>>()?;
        let old = earlier.needs.iter().zip(&binding.layouts);
        let below: Vec<rebind::Below<'_>> = object
            .below
            .iter()
            .zip(&maps)
            .zip(old)
            .map(|((below, bytes), (old_soname, old_layout))| rebind::Below {
                soname: Renamed {
                    old: old_soname,
                    new: &below.soname,
                },
                layout: old_layout
                    .as_deref()
                    .zip(below.layout.as_deref())
                    .map(|(old, new)| Renamed { old, new }),
                bytes,
            })
            .collect();
        let content = files.content(soname);
        let temporary = files::temporary_beside(&content)?;
        let bound = Rebind {
            shared_object: &files.content(&earlier.soname),
            unbound: &files.unbound(&earlier.soname),
            soname: Renamed {
                old: &earlier.soname,
                new: soname,
            },
            below: &below,
            result: &temporary,
            result_unbound: &files.unbound(soname),
        }
        .run()?;
        if let Err(obstacle) = bound {
            return Ok(Err(format!("it could not be bound anew, since {obstacle}")));
        }
        files::persist(temporary, &content)?;
        Ok(Ok(earlier.soname.clone()))
    }
}
