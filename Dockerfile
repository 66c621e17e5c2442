# SPDX-License-Identifier: Apache-2.0
# Both images can be replaced: --build-arg BASE_IMAGE=… needs Node 24 at /nodejs/bin/node and nothing else, --build-arg BUILD_IMAGE=… npm.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:fbbdda866ea71aef98c4abece17e3d61fbf820cc2ef3961522caa2478716171a
ARG BUILD_IMAGE=docker.io/library/node:24.21.0-trixie-slim

# What the program needs when it runs. No script of a package is run: none has anything to build.
FROM ${BUILD_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 # Declarations and source maps are half of what packages weigh, and nothing reads them here.
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete

# The program as JavaScript: Node would strip the types at every start.
FROM ${BUILD_IMAGE} AS program
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.image.json ./
COPY src src
COPY connectors connectors
RUN node_modules/.bin/tsc --project tsconfig.image.json \
 && for engine in sqlite postgres; do cp -R src/store/$engine/migrations /app/src/store/$engine/; done \
 && mkdir /data

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="external-system-operator" \
      org.opencontainers.image.description="Keeps one true inventory in step with the systems that hold it." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=modules /app/node_modules /app/node_modules
COPY LICENSE package.json /app/
COPY --from=program /app /app
# A new volume takes over the owner of the folder it is mounted on, so that SQLite can write there.
COPY --from=program --chown=65532:65532 /data /data
WORKDIR /data
# By number: Kubernetes cannot tell by a name that it is not root.
USER 65532:65532
EXPOSE 8080
# Node is process 1 and gets SIGTERM itself. The flags are those of bin/extsys, which says why.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=150", "/app/src/main.js"]
CMD ["operator"]
