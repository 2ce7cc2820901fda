# The operator's image, and with --target sandbox that of the local Braze. docker build, podman build and buildah build
# take it as it is; scripts/image calls the last of them where no registry can be reached.
#
# BUILDER is any image with the Rust of rust-toolchain.toml, a C compiler, perl, make and CA certificates. Its tag can be
# moved by others; --build-arg BUILDER=docker.io/library/rust@sha256:… names one for good, and BASE likewise.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
ARG BASE=scratch

FROM ${BUILDER} AS builder
# The commit, where the program is to tell it in grouparoo_build_info.
ARG REVISION=
ARG CARGO_NET_OFFLINE=false
# Where the sources are, and what cargo keeps for the next build, which may look at the times of sources alone: not to be
# shared by two clones. Both are elsewhere where scripts/image has built before with the same toolchain.
ARG SOURCES=/src
ARG KEPT=/kept
RUN --mount=type=bind,target=/src --mount=type=cache,target=/kept \
	GROUPAROO_REVISION="${REVISION}" CARGO_NET_OFFLINE="${CARGO_NET_OFFLINE}" CARGO_TARGET_DIR="${KEPT}" \
	"${SOURCES}/scripts/static" /image

# What both have below them.
FROM ${BASE} AS base
# That of Cargo.toml, which a test compares.
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.source="https://github.com/grouparoo-io/grouparoo" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.vendor="grouparoo" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /image/base/ /
ENV PATH=/usr/bin
# A number, so that a cluster can see without looking inside that it is not root.
USER 65532:65532

FROM base AS sandbox
LABEL org.opencontainers.image.title="braze-sandbox" \
	org.opencontainers.image.description="A local Braze to try a sync against"
COPY --from=builder /image/sandbox/ /
ENV BRAZE_SANDBOX_LISTEN=0.0.0.0:8070
EXPOSE 8070
ENTRYPOINT ["/usr/bin/braze-sandbox"]

FROM base AS operator
LABEL org.opencontainers.image.title="grouparoo" \
	org.opencontainers.image.description="Keeps Braze user profiles equal to what a data warehouse says"
COPY --from=builder /image/operator/ /
EXPOSE 8080
ENTRYPOINT ["/usr/bin/grouparoo"]
