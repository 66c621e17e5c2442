// SPDX-License-Identifier: Apache-2.0

// A CoreDNS with the plugins that a cluster's own names need, and none of the clouds' libraries.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	coremain.Run()
}
