// The whole of a link test: linking is the test.
int main() { return 0; }
