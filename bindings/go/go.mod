module github.com/qask/qask/bindings/go

go 1.25.0

require github.com/ebitengine/purego v0.11.3

require github.com/google/jsonschema-go v0.4.3
