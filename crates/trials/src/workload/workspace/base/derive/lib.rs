//! A procedural macro.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Gives a type the constant `NAME`: the name of its crate.
///
/// ```
/// #[derive(base_derive::Named)]
/// struct Component;
///
/// assert!(!Component::NAME.contains('_'));
/// ```
#[proc_macro_derive(Named)]
pub fn named(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let name = std::env::var("CARGO_CRATE_NAME").unwrap_or_default();
    constant(&input, &name).into()
}

fn constant(input: &DeriveInput, crate_name: &str) -> Tokens {
    let name = base_wording::kebab(crate_name);
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        impl #impl_generics #ident #ty_generics #where_clause {
            /// Name of the crate.
            pub const NAME: &'static str = #name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_are_kept() {
        let input = syn::parse_quote! { struct Pair<T>(T, T); };
        let tokens = constant(&input, "two_words").to_string();
        assert!(tokens.starts_with("impl < T > Pair < T >"), "{tokens}");
        assert!(tokens.contains("\"two-words\""), "{tokens}");
    }
}
