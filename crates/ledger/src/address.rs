//! Addresses, as they may be shown.

/// An address without user, password and options.
pub(crate) fn without_credentials(address: &str) -> String {
    let address = address.split('?').next().unwrap_or_default();
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{rest}")
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z3_an_address_is_shown_without_user_and_password() {
        let shown = without_credentials("postgres://me:p@ss@db:5432/x?sslpassword=y");
        assert_eq!(shown, "postgres://db:5432/x");
        assert_eq!(without_credentials("sqlite:a/b.sqlite"), "sqlite:a/b.sqlite");
    }
}
