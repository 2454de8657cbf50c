package qask

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaOf gives the JSON schema of the values that a Go type holds: properties in the order of the fields, required
// unless `omitempty`. Field tags say more:
//
//	City string  `json:"city" jsonschema:"the city's English name"`
//	Unit string  `json:"unit" enum:"celsius,fahrenheit"`
//	Days int     `json:"days,omitempty" minimum:"1" maximum:"14"`
//	Code string  `json:"code" pattern:"^[A-Z]{3}$" maxLength:"3"`
//	Tags []string `json:"tags" minItems:"1" maxItems:"5"`
func SchemaOf(value any) ([]byte, error) {
	t := reflect.TypeOf(value)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil, fail(ErrJSON, "a nil has no schema")
	}
	return schemaOf(t)
}

func schemaOf(t reflect.Type) ([]byte, error) {
	schema, err := jsonschema.ForType(t, &jsonschema.ForOptions{})
	if err == nil {
		err = refine(schema, t)
	}
	if err != nil {
		return nil, fail(ErrJSON, "%s has no JSON schema: %v", t, err)
	}
	return json.Marshal(schema)
}

// refine adds what the tags say, and takes out that a slice may be null: a model should write an empty list.
func refine(schema *jsonschema.Schema, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if len(schema.Types) > 0 {
			schema.Type, schema.Types = "array", nil
		}
		if schema.Items != nil {
			return refine(schema.Items, t.Elem())
		}
	case reflect.Map:
		if schema.AdditionalProperties != nil {
			return refine(schema.AdditionalProperties, t.Elem())
		}
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(t) {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key == "" {
				key = field.Name
			}
			property := schema.Properties[key]
			if property == nil {
				continue
			}
			if err := refine(property, field.Type); err != nil {
				return err
			}
			if err := applyTags(property, field); err != nil {
				return err
			}
		}
	}
	return nil
}

func applyTags(schema *jsonschema.Schema, field reflect.StructField) error {
	if list, ok := field.Tag.Lookup("enum"); ok {
		for _, word := range strings.Split(list, ",") {
			var value any = word
			if kind := field.Type.Kind(); kind != reflect.String {
				if err := json.Unmarshal([]byte(word), &value); err != nil {
					return fail(ErrJSON, "field %s: enum: %q is no %s", field.Name, word, kind)
				}
			}
			schema.Enum = append(schema.Enum, value)
		}
	}
	schema.Pattern = field.Tag.Get("pattern")
	for tag, target := range map[string]**float64{"minimum": &schema.Minimum, "maximum": &schema.Maximum} {
		if text, ok := field.Tag.Lookup(tag); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fail(ErrJSON, "field %s: %s: %q is no number", field.Name, tag, text)
			}
			*target = &value
		}
	}
	counts := map[string]**int{"minLength": &schema.MinLength, "maxLength": &schema.MaxLength, "minItems": &schema.MinItems, "maxItems": &schema.MaxItems}
	for tag, target := range counts {
		if text, ok := field.Tag.Lookup(tag); ok {
			value, err := strconv.Atoi(text)
			if err != nil {
				return fail(ErrJSON, "field %s: %s: %q is no whole number", field.Name, tag, text)
			}
			*target = &value
		}
	}
	return nil
}
