package foreign

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

func object(apiVersion, kind, name string) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{}}
	made.SetAPIVersion(apiVersion)
	made.SetKind(kind)
	made.SetName(name)
	return made
}

// definition is a type whose objects have a size of at least 1 and a status.
func definition(plural, kind string) *unstructured.Unstructured {
	size := map[string]any{"type": "integer", "minimum": int64(1)}
	schema := map[string]any{"type": "object", "properties": map[string]any{
		"spec":   map[string]any{"type": "object", "properties": map[string]any{"size": size}},
		"status": map[string]any{"type": "object", "properties": map[string]any{"seen": map[string]any{"type": "integer"}}},
	}}
	made := object("apiextensions.k8s.io/v1", "CustomResourceDefinition", plural+".foreign.example.com")
	made.Object["spec"] = map[string]any{
		"group": "foreign.example.com", "scope": "Namespaced",
		"names": map[string]any{"plural": plural, "kind": kind},
		"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
			"subresources": map[string]any{"status": map[string]any{}},
			"schema":       map[string]any{"openAPIV3Schema": schema}}},
	}
	return made
}
