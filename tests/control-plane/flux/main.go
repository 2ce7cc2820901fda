// flux builds a folder as Flux's kustomize-controller does, with its library: kustomize first, then the substitution
// of variables after the build. It prints what would be applied.
//
//	flux FOLDER [NAME=VALUE ...]
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: flux FOLDER [NAME=VALUE ...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "flux:", err)
		os.Exit(1)
	}
}

func run(folder string, pairs []string) error {
	variables := map[string]any{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("%q is not NAME=VALUE", pair)
		}
		variables[name] = value
	}
	kustomization := unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"postBuild": map[string]any{"substitute": variables}},
	}}
	built, err := kustomize.Build(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	for _, resource := range built.Resources() {
		changed, err := kustomize.SubstituteVariables(context.Background(), nil, kustomization, resource,
			kustomize.SubstituteWithDryRun(true))
		if err != nil {
			return err
		}
		if changed == nil {
			changed = resource
		}
		text, err := changed.AsYAML()
		if err != nil {
			return err
		}
		fmt.Printf("---\n%s", text)
	}
	return nil
}
