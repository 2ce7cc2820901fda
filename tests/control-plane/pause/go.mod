// What holds the network of a Pod of the tests' node open while its containers come and go.
module grouparoo.io/tests/control-plane/pause

go 1.26.0
