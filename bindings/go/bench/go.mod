module github.com/qask/qask/bindings/go/bench

go 1.25.0

require github.com/qask/qask/bindings/go v0.0.0

require (
	github.com/ebitengine/purego v0.11.3 // indirect
	github.com/google/jsonschema-go v0.4.3 // indirect
)

replace github.com/qask/qask/bindings/go => ../
