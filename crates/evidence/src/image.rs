//! Names of container images.

/// The tag of an image's name: `v1.35.2` of `registry.example:5000/kubelet:v1.35.2@sha256:…`. None: it has none.
pub fn image_tag(image: &str) -> Option<&str> {
    let name = image.split('@').next()?;
    let (_, tag) = name.rsplit('/').next()?.rsplit_once(':')?;
    (!tag.is_empty()).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_no_port_and_no_digest() {
        for (image, tag) in [
            ("registry.k8s.io/kube-apiserver:v1.36.2", Some("v1.36.2")),
            ("r.example:5000/kubelet:v1.35.2@sha256:ab", Some("v1.35.2")),
            ("r.example:5000/kubelet", None),
            ("kubelet@sha256:ab", None),
            ("kubelet:", None),
            ("", None),
        ] {
            assert_eq!(image_tag(image), tag, "{image}");
        }
    }
}
